// A load for any MQTT address: producers publish, competing consumers acknowledge, one process, one
// thread. Prints one JSON line. scripts/bench runs it against Sluice and against the broker alone,
// in the same minute, and compares.
//
//   bench_mqtt --port P [--name bench] --topic T --filter F [--producers 4] [--consumers 4]
//   [--messages 100000]
//              [--bytes 256] [--window 64] [--qos 1] [--rate 0] [--pid PID]...
//
// With --rate (messages a second in all) it measures latency at that rate, else throughput. CPU is
// of the processes named, user and system, over the run.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <boost/asio.hpp>

#include "proxy/protocol/decode.h"
#include "proxy/protocol/encode.h"

namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using asio::ip::tcp;

struct Options {
  std::uint16_t port = 1883;
  std::string name = "bench";
  std::string topic = "bench/x";
  std::string filter = "bench/+";
  int producers = 4;
  int consumers = 4;
  std::uint64_t messages = 100'000;
  std::size_t bytes = 256;
  int window = 64;
  int qos = 1;
  double rate = 0;
  std::vector<int> pids;
};

// User and system time of a process, in seconds.
double cpu_seconds(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto after_name = line.rfind(')');
  if (after_name == std::string::npos) return 0;
  unsigned long user = 0;
  unsigned long system = 0;
  // Fields 14 and 15; the first after the name is 3.
  std::sscanf(line.c_str() + after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
              &user, &system);
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// One client: packets out through a buffer, packets in to a handler.
class Client {
 public:
  Client(asio::io_context& loop, std::uint16_t port, const std::string& id) : socket_(loop) {
    socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
    socket_.set_option(tcp::no_delay(true));
    protocol::Connect connect;
    connect.client_id = id;
    connect.properties.add(protocol::PropertyId::receive_maximum, 256u);
    send(connect);
  }
  virtual ~Client() = default;

  void start() { read(); }
  void send(const protocol::Packet& packet) {
    protocol::encode(packet, protocol::Version::v5, out_);
    if (!flush_posted_) {
      flush_posted_ = true;
      asio::post(socket_.get_executor(), [this] { flush(); });
    }
  }

 protected:
  virtual void on(protocol::Packet&& packet) = 0;

 private:
  void flush() {
    flush_posted_ = false;
    if (writing_ || out_.empty()) return;
    writing_ = true;
    std::swap(out_, going_);
    asio::async_write(socket_, asio::buffer(going_), [this](auto error, auto) {
      if (error) fail("write: " + error.message());
      writing_ = false;
      going_.clear();
      flush();
    });
  }
  void read() {
    if (in_.size() - end_ < 65536) in_.resize(end_ + 131072);
    socket_.async_read_some(asio::buffer(in_.data() + end_, in_.size() - end_),
                            [this](auto error, std::size_t count) {
                              if (error) fail("read: " + error.message());
                              end_ += count;
                              consume();
                              read();
                            });
  }
  void consume() {
    std::size_t begin = 0;
    while (begin < end_) {
      const auto frame = protocol::next_frame({in_.data() + begin, end_ - begin}, 1u << 28);
      if (!frame) fail(frame.error().text);
      if (frame->size == 0) break;
      begin += frame->size;
      auto packet = protocol::decode(frame->first_byte, frame->body, protocol::Version::v5);
      if (!packet) fail(packet.error().text);
      on(std::move(*packet));
    }
    std::memmove(in_.data(), in_.data() + begin, end_ - begin);
    end_ -= begin;
  }
  [[noreturn]] static void fail(const std::string& why) {
    std::cerr << "bench_mqtt: " << why << '\n';
    std::exit(1);
  }

  tcp::socket socket_;
  std::string out_;
  std::string going_;
  bool writing_ = false;
  bool flush_posted_ = false;
  std::vector<std::uint8_t> in_;
  std::size_t end_ = 0;
};

struct Run {
  const Options& options;
  asio::io_context loop{1};
  int ready = 0;
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t received = 0;
  std::vector<double> latencies_ms;
};

class Producer final : public Client {
 public:
  Producer(Run& run, int number)
      : Client(run.loop, run.options.port,
               run.options.name + "-producer-" + std::to_string(number)),
        run_(run) {
    publish_.topic = run.options.topic;
    publish_.qos = static_cast<protocol::QoS>(run.options.qos);
    publish_.payload.assign(std::max<std::size_t>(run.options.bytes, 8), 'x');
  }
  // As many as the window and the number of messages allow.
  void fill() {
    while (open_ < run_.options.window && run_.sent < run_.options.messages) publish();
  }
  void publish() {
    ++run_.sent;
    ++open_;
    const auto now = Clock::now().time_since_epoch().count();
    std::memcpy(publish_.payload.data(), &now, sizeof now);
    if (run_.options.qos > 0) {
      publish_.packet_id = static_cast<protocol::PacketId>(next_id_++ % 65535 + 1);
    } else {
      --open_;
      ++run_.answered;
    }
    send(publish_);
  }

 private:
  void on(protocol::Packet&& packet) override {
    if (std::holds_alternative<protocol::Connack>(packet)) ++run_.ready;
    if (!std::holds_alternative<protocol::Puback>(packet)) return;
    --open_;
    ++run_.answered;
    if (run_.options.rate == 0) fill();
  }

  Run& run_;
  protocol::Publish publish_;
  int open_ = 0;
  std::uint32_t next_id_ = 0;
};

class Consumer final : public Client {
 public:
  Consumer(Run& run, int number)
      : Client(run.loop, run.options.port,
               run.options.name + "-consumer-" + std::to_string(number)),
        run_(run) {
    protocol::Subscribe subscribe;
    subscribe.packet_id = 1;
    protocol::Subscription subscription;
    subscription.filter = run.options.filter;
    subscription.qos = static_cast<protocol::QoS>(run.options.qos);
    subscribe.subscriptions.push_back(subscription);
    send(subscribe);
  }

 private:
  void on(protocol::Packet&& packet) override {
    if (const auto* suback = std::get_if<protocol::Suback>(&packet)) {
      if (protocol::is_error(suback->reasons.at(0))) {
        std::cerr << "bench_mqtt: SUBSCRIBE refused\n";
        std::exit(1);
      }
      ++run_.ready;
    }
    const auto* publish = std::get_if<protocol::Publish>(&packet);
    if (publish == nullptr) return;
    if (publish->packet_id != 0) {
      protocol::Puback puback;
      puback.packet_id = publish->packet_id;
      send(puback);
    }
    std::int64_t then = 0;
    std::memcpy(&then, publish->payload.data(), sizeof then);
    const std::chrono::duration<double, std::milli> took =
        Clock::now().time_since_epoch() - Clock::duration(then);
    run_.latencies_ms.push_back(took.count());
    ++run_.received;
  }

  Run& run_;
};

double percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

// Turns the loop until the condition holds; gives up when nothing has moved for 20 seconds.
template <class Condition>
void until(Run& run, Condition holds) {
  auto last_change = Clock::now();
  std::uint64_t last = 0;
  while (!holds()) {
    run.loop.run_for(std::chrono::milliseconds(1));
    const auto progress = run.answered + run.received + static_cast<std::uint64_t>(run.ready);
    if (progress != last) {
      last = progress;
      last_change = Clock::now();
    } else if (Clock::now() - last_change > std::chrono::seconds(20)) {
      std::cerr << "bench_mqtt: stalled: " << run.sent << " sent, " << run.answered << " answered, "
                << run.received << " received\n";
      std::exit(1);
    }
  }
}

// Publishes at the rate asked for, whatever the answers do.
void pace(Run& run, std::vector<std::unique_ptr<Producer>>& producers, Clock::time_point start) {
  const auto& options = run.options;
  until(run, [&] {
    const std::chrono::duration<double> elapsed = Clock::now() - start;
    const auto due = std::min<std::uint64_t>(
        options.messages, static_cast<std::uint64_t>(elapsed.count() * options.rate));
    while (run.sent < due) producers[run.sent % producers.size()]->publish();
    return run.sent >= options.messages;
  });
}

int measure(const Options& options) {
  Run run{options};
  std::vector<std::unique_ptr<Consumer>> consumers;
  std::vector<std::unique_ptr<Producer>> producers;
  for (int i = 0; i < options.consumers; ++i) {
    consumers.push_back(std::make_unique<Consumer>(run, i));
    consumers.back()->start();
  }
  for (int i = 0; i < options.producers; ++i) {
    producers.push_back(std::make_unique<Producer>(run, i));
    producers.back()->start();
  }
  until(run, [&] { return run.ready == options.consumers + options.producers; });

  const auto cpu = [&] {
    return std::transform_reduce(options.pids.begin(), options.pids.end(), 0.0, std::plus<>{},
                                 cpu_seconds);
  };
  const double cpu_before = cpu();
  const auto start = Clock::now();
  if (options.rate > 0) {
    pace(run, producers, start);
  } else {
    for (auto& producer : producers) producer->fill();
  }
  until(run, [&] {
    if (options.qos == 0 && options.rate == 0) {
      for (auto& producer : producers) producer->fill();
    }
    return run.answered >= options.messages &&
           (options.consumers == 0 || run.received >= options.messages);
  });
  const std::chrono::duration<double> took = Clock::now() - start;
  const double per_message = (cpu() - cpu_before) / static_cast<double>(options.messages) * 1e6;
  std::printf(
      "{\"messages\": %llu, \"seconds\": %.3f, \"per_second\": %.0f, \"cpu_us_per_message\": %.2f, "
      "\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
      static_cast<unsigned long long>(options.messages), took.count(),
      static_cast<double>(options.messages) / took.count(), per_message,
      percentile(run.latencies_ms, 0.5), percentile(run.latencies_ms, 0.99));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Load for an MQTT address"};
  app.add_option("--port", options.port);
  app.add_option("--name", options.name, "the client identifiers begin with it");
  app.add_option("--topic", options.topic);
  app.add_option("--filter", options.filter);
  app.add_option("--producers", options.producers)->check(CLI::Range(0, 1000));
  app.add_option("--consumers", options.consumers)->check(CLI::Range(0, 1000));
  app.add_option("--messages", options.messages);
  app.add_option("--bytes", options.bytes);
  app.add_option("--window", options.window)->check(CLI::Range(1, 65535));
  app.add_option("--qos", options.qos)->check(CLI::Range(0, 1));
  app.add_option("--rate", options.rate);
  app.add_option("--pid", options.pids);
  CLI11_PARSE(app, argc, argv);
  return measure(options);
}
