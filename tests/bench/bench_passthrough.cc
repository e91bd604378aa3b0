// What a client of plain MQTT waits for, one process, one thread, blocking sockets. Prints one JSON
// line. `scripts/bench passthrough` runs it against a broker alone and through Sluice, in turn.
//
//   bench_passthrough --port P [--connects 200] [--round-trips 2000] [--clients 1000] [--pid
//   PID]...
//
//   connect     CONNECT to CONNACK with the TCP connection, one after the other
//   round trip  a QoS 0 message to a subscription of one's own, one after the other
//   storm       all clients connect at once: until the last has its CONNACK
//   memory      what each of these, idle, adds to the resident set of the processes named

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <CLI/CLI.hpp>
#include <boost/asio.hpp>

#include "proxy/protocol/decode.h"
#include "proxy/protocol/encode.h"

namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using asio::ip::tcp;
using protocol::Version;

[[noreturn]] void fail(const std::string& why) {
  std::cerr << "bench_passthrough: " << why << '\n';
  std::exit(1);
}

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// Resident memory of a process, in KiB.
double resident_kib(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  while (file >> word) {
    if (word != "VmRSS:") continue;
    double kib = 0;
    file >> kib;
    return kib;
  }
  fail("no process " + std::to_string(pid));
}

class Client {
 public:
  Client(asio::io_context& context, std::uint16_t port) : socket_(context) {
    socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
    socket_.set_option(tcp::no_delay(true));
  }

  void send(const protocol::Packet& packet) {
    std::string out;
    protocol::encode(packet, Version::v5, out);
    asio::write(socket_, asio::buffer(out));
  }
  void send_connect(const std::string& client_id) {
    protocol::Connect connect;
    connect.client_id = client_id;
    connect.keep_alive_s = 600;
    send(connect);
  }
  template <class Type>
  Type receive() {
    const auto packet = next();
    if (!std::holds_alternative<Type>(packet)) fail("another packet than the expected one");
    return std::get<Type>(packet);
  }
  void receive_connack() {
    if (receive<protocol::Connack>().reason != protocol::ReasonCode::success) fail("refused");
  }

 private:
  protocol::Packet next() {
    while (true) {
      const auto frame = protocol::next_frame({in_.data(), in_.size()}, 1U << 28);
      if (!frame) fail(frame.error().text);
      if (frame->size != 0) {
        auto packet = protocol::decode(frame->first_byte, frame->body, Version::v5);
        if (!packet) fail(packet.error().text);
        in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(frame->size));
        return std::move(*packet);
      }
      std::uint8_t piece[4096];
      const std::size_t count = socket_.read_some(asio::buffer(piece));
      in_.insert(in_.end(), piece, piece + count);
    }
  }

  tcp::socket socket_;
  std::vector<std::uint8_t> in_;
};

// "name_p50":..., "name_p99":...
std::string quantiles(const std::string& name, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double part) {
    const auto last = static_cast<double>(values.size() - 1);
    return std::to_string(values[static_cast<std::size_t>(part * last)]);
  };
  return '"' + name + "_p50_ms\":" + at(0.5) + ",\"" + name + "_p99_ms\":" + at(0.99);
}

std::string connects(asio::io_context& context, std::uint16_t port, int count) {
  std::vector<double> times;
  times.reserve(static_cast<std::size_t>(count));
  for (int n = 0; n < count; ++n) {
    const auto begin = Clock::now();
    Client client(context, port);
    client.send_connect("connect-" + std::to_string(n));
    client.receive_connack();
    times.push_back(ms_since(begin));
    client.send(protocol::Disconnect{});
  }
  return quantiles("connect", std::move(times));
}

std::string round_trips(asio::io_context& context, std::uint16_t port, int count) {
  Client client(context, port);
  client.send_connect("round-trip");
  client.receive_connack();
  protocol::Subscribe subscribe;
  subscribe.packet_id = 1;
  subscribe.subscriptions.emplace_back().filter = "round/trip";
  client.send(subscribe);
  client.receive<protocol::Suback>();
  protocol::Publish publish;
  publish.topic = "round/trip";
  publish.payload = "sixty-four bytes of payload, or thereabouts, going there and back";
  std::vector<double> times;
  times.reserve(static_cast<std::size_t>(count));
  for (int n = 0; n < count; ++n) {
    const auto begin = Clock::now();
    client.send(publish);
    client.receive<protocol::Publish>();
    times.push_back(ms_since(begin));
  }
  return quantiles("round_trip", std::move(times));
}

std::string storm(asio::io_context& context, std::uint16_t port, int count,
                  const std::vector<int>& pids) {
  const auto resident = [&] {
    double kib = 0;
    for (const int pid : pids) kib += resident_kib(pid);
    return kib;
  };
  const double before = resident();
  const auto begin = Clock::now();
  std::vector<Client> clients;
  clients.reserve(static_cast<std::size_t>(count));
  for (int n = 0; n < count; ++n) {
    clients.emplace_back(context, port);
    clients.back().send_connect("storm-" + std::to_string(n));
  }
  for (auto& client : clients) client.receive_connack();
  const double took = ms_since(begin);
  const double grown = std::max(0.0, resident() - before) / count;
  for (auto& client : clients) client.send(protocol::Disconnect{});
  return "\"storm_ms\":" + std::to_string(took) + ",\"kib_per_idle\":" + std::to_string(grown);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("what clients of plain MQTT wait for");
  std::uint16_t port = 1883;
  int connect_count = 200;
  int round_trip_count = 2000;
  int clients = 1000;
  std::vector<int> pids;
  app.add_option("--port", port);
  app.add_option("--connects", connect_count)->check(CLI::Range(1, 1'000'000));
  app.add_option("--round-trips", round_trip_count)->check(CLI::Range(1, 10'000'000));
  app.add_option("--clients", clients)->check(CLI::Range(1, 50'000));
  app.add_option("--pid", pids);
  CLI11_PARSE(app, argc, argv);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  try {
    asio::io_context context;
    std::cout << '{' << connects(context, port, connect_count) << ','
              << round_trips(context, port, round_trip_count) << ','
              << storm(context, port, clients, pids) << "}\n";
  } catch (const std::exception& error) {
    fail(error.what());
  }
  return 0;
}
