#include <doctest/doctest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <vector>

#include "tests/proxy/upstream_paho_scene.h"

// The Paho link with many messages and many links, and what its sockets are like.

namespace {

using namespace std::chrono_literals;
using protocol::QoS;
using protocol::ReasonCode;
using protocol::Version;
using test::both_versions;
using test::connect_as;
using test::publish_to;
using test::run_for;
using test::run_until;
using test::UpstreamClient;
using Scene = test::MosquittoScene;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool sends_at_once(int fd) {
  int on = 0;
  socklen_t length = sizeof on;
  return getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &length) == 0 && on != 0;
}

}  // namespace

TEST_CASE("a burst of QoS 1 beyond the broker's Receive Maximum doesn't stall") {
  Scene scene;  // Receive Maximum 20
  if (!scene.there) return;
  for (const auto qos : {QoS::at_least_once, QoS::exactly_once}) {
    for (const auto version : both_versions) {
      auto client = scene.client();
      REQUIRE(client.connects(connect_as("burst", version)));
      const std::size_t burst = 2'000;
      const auto begin = std::chrono::steady_clock::now();
      for (std::size_t i = 1; i <= burst; ++i) {
        client.send(publish_to("burst", "x", qos, static_cast<protocol::PacketId>(i)));
      }
      CHECK_FALSE(client.link().can_take());
      const bool all = qos == QoS::at_least_once ? client.gets<protocol::Puback>(burst)
                                                 : client.gets<protocol::Pubrec>(burst);
      CHECK(all);
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - begin;
      MESSAGE("2,000 x QoS ", static_cast<int>(qos), " in ", took.count(), " ms");
      CHECK(client.link().can_take());
      CHECK(client.ready == 1);
    }
  }
}

TEST_CASE("three hundred links connect at once, and end without a trace") {
  Scene scene;
  if (!scene.there) return;
  std::vector<std::unique_ptr<UpstreamClient>> clients;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 300; ++i) {
    clients.push_back(std::make_unique<UpstreamClient>(scene.core, *scene.upstream));
    clients.back()->send(connect_as("c" + std::to_string(i), Version::v5));
  }
  const auto connected = [&] {
    for (const auto& client : clients) {
      const auto* connack = client->last<protocol::Connack>();
      if (!connack || connack->reason != ReasonCode::success) return false;
    }
    return true;
  };
  CHECK(run_until(scene.core, connected));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  MESSAGE("300 connects in ", took.count(), " ms");
  clients.clear();
}

TEST_CASE("a link that goes away while it connects leaves nothing behind") {
  Scene scene;
  if (!scene.there) return;
  for (int i = 0; i < 50; ++i) {
    auto client = scene.client();
    client.send(connect_as("fickle" + std::to_string(i), Version::v5));
    if (i % 2 == 0) run_for(scene.core, std::chrono::milliseconds(i % 5));
  }
  auto steady = scene.client();
  const auto reason = steady.connect(connect_as("steady", Version::v5)).reason;
  CHECK(protocol::name(reason) == protocol::name(ReasonCode::success));
}

TEST_CASE("Paho's sockets to the broker send at once (TCP_NODELAY)") {
  Scene scene;
  if (!scene.there) return;
  auto client = scene.client();
  REQUIRE(client.connects(connect_as("one", Version::v5)));
  int found = 0;
  for (int fd = 3; fd < 1024; ++fd) {
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
    if (peer.sin_family != AF_INET || ntohs(peer.sin_port) != scene.broker->port()) continue;
    CHECK(sends_at_once(fd));
    ++found;
  }
  CHECK(found > 0);
}

TEST_CASE("the hooks leave other names and sockets alone") {
  Scene scene;
  if (!scene.there) return;
  addrinfo* found = nullptr;
  REQUIRE(getaddrinfo("127.0.0.1", "1883", nullptr, &found) == 0);
  freeaddrinfo(found);
  // One of ours by its looks, but of no link.
  CHECK(getaddrinfo("c999999.sluice.invalid", "1883", nullptr, &found) == EAI_NONAME);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(scene.broker->port());
  CHECK(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK_FALSE(sends_at_once(fd));
  close(fd);
}
