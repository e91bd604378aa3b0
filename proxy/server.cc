#include "proxy/server.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <random>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/admin/server.h"
#include "proxy/admin_api.h"
#include "proxy/listener.h"
#include "proxy/log.h"
#include "proxy/printable.h"
#include "proxy/session.h"
#include "proxy/session_record.h"
#include "proxy/upstream_hold.h"
#include "proxy/upstream_paho.h"
#include "proxy/upstream_tls.h"

namespace proxy {
namespace {

namespace asio = boost::asio;

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kBadConfig = 2;

// How long an orderly end waits for clients to take their last bytes.
constexpr std::chrono::milliseconds kFarewell{1'000};
constexpr std::chrono::seconds kSweep{60};
constexpr std::size_t kReadBufferBytes = 128 * 1024;

int complain(int code, const std::string& why) {
  std::cerr << "sluice: " << printable(why) << std::endl;
  return code;
}

// The certificate's name is the one that was configured, also if the host is an address.
dispatch::Result<UpstreamPahoOptions> upstream_options(const ServeConfig& config) {
  const Endpoint& upstream = config.upstream;
  UpstreamPahoOptions options;
  options.target.tls = upstream.is_tls();
  options.target.websocket = upstream.is_websocket();
  options.target.host = upstream.host;
  options.target.server_name =
      config.upstream_tls.server_name.empty() ? upstream.host : config.upstream_tls.server_name;
  options.target.port = upstream.port;
  if (upstream.is_websocket()) options.target.path = upstream.path;
  if (!upstream.is_tls()) {
    // Whoever names certificates wants no plain connection.
    if (config.upstream_tls == UpstreamTls{}) return options;
    return dispatch::invalid("upstream_tls: upstream " + to_text(upstream) +
                             " has no TLS: takes mqtts:// or wss://");
  }
  auto tls = make_upstream_tls(config.upstream_tls);
  if (!tls) return tls.error();
  options.tls = *tls;
  return options;
}

// Everything that serves, in the order in which it is built; destroyed in the opposite one.
class Server {
 public:
  Server(const ServeConfig& config, const UpstreamPahoOptions& upstream,
         const storage::JournalOptions& journal_options, std::unique_ptr<storage::Journal> journal)
      : config_(config),
        queues_(core_, clock_, journal_options, std::move(journal), std::random_device{}()),
        upstream_(make_upstream(upstream)),
        context_{core_,  config_,          queues_,  *upstream_,  registry_,
                 wills_, upstream_health_, traffic_, read_buffer_},
        admin_api_(core_, queues_, registry_, upstream_health_, traffic_),
        signals_(core_, SIGTERM, SIGINT),
        timer_(core_) {}

  // Sessions of an earlier run, as the journal has them: their clients may come back to their `$q/`
  // subscriptions. To be called before run().
  dispatch::Result<void> recall_sessions(const std::map<std::string, std::string>& records) {
    for (const auto& [client_id, text] : records) {
      auto record = decode_record(text);
      if (!record) return record.error();
      auto state = std::make_unique<SessionState>();
      state->queue_subscriptions = std::move(record->queue_subscriptions);
      state->recorded = true;
      const auto ended_at = record->ended_at.value_or(clock_.now());
      registry_.keep(client_id, std::move(state), expiry_of(record->session_expiry_s, ended_at));
    }
    return {};
  }

  // The config's queues first, so that no publish can come before its queue is there.
  int run() {
    if (const auto declared = declare_queues(); !declared) {
      const bool theirs = declared.error().kind != dispatch::ErrorKind::unavailable;
      return complain(theirs ? kBadConfig : kFailed, declared.error().text);
    }
    if (const auto opened = open_doors(); !opened) return complain(kFailed, opened.error().text);
    std::printf("ready mqtt=%s admin=%s\n", authority(listener_->local()).c_str(),
                authority(admin_->local()).c_str());
    std::fflush(stdout);
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (!error) shut_down(signal);
    });
    sweep();
    core_.run();
    close_sessions();
    return kOk;
  }

 private:
  std::unique_ptr<Upstream> make_upstream(const UpstreamPahoOptions& options) {
    auto paho = make_upstream_paho(core_, options);
    if (config_.upstream_lost == UpstreamLost::close) return paho;
    return make_upstream_hold(core_, std::move(paho), {}, upstream_health_, traffic_.held);
  }

  dispatch::Result<void> declare_queues() {
    std::vector<dispatch::QueueOptions> wanted = config_.queues;
    for (const auto& filter : config_.queue_filters) {
      const auto has_it = [&](const auto& options) { return options.filter == filter; };
      if (std::ranges::any_of(wanted, has_it)) continue;
      if (!queues_.name_of_filter(filter).empty()) continue;
      dispatch::QueueOptions options;
      options.name = dispatch::derive_queue_name(filter);
      options.filter = filter;
      wanted.push_back(std::move(options));
    }
    for (const auto& options : wanted) {
      if (auto declared = declare(options); !declared) return declared;
    }
    return {};
  }

  // A queue that exists takes the options of the configuration; its messages stay.
  dispatch::Result<void> declare(const dispatch::QueueOptions& options) {
    if (auto valid = dispatch::check_options(options); !valid) return valid;
    std::optional<dispatch::Result<void>> result;
    const auto done = [&](dispatch::Result<void> answer) { result = std::move(answer); };
    const auto existing = queues_.stats(options.name);
    if (existing && existing->options == options) return {};
    if (existing) {
      queues_.update(options, done);
    } else {
      queues_.create(options, done);
    }
    while (!result) core_.run_one();
    return std::move(*result);
  }

  dispatch::Result<void> open_doors() {
    auto admin = admin::Server::open(core_, config_.admin, admin_api_);
    if (!admin) return admin.error();
    admin_ = std::move(*admin);
    if (!is_local(config_.admin)) {
      log().warn("the admin address {} has no passwords and can be reached from other machines",
                 to_text(config_.admin));
    }
    auto listener = Listener::open(core_, config_.listen, [this](asio::ip::tcp::socket socket) {
      if (registry_.all().size() >= config_.max_connections) {
        ++traffic_.refused;
        return false;
      }
      ++traffic_.accepted;
      std::make_shared<Session>(context_, std::move(socket))->start();
      return true;
    });
    if (!listener) return listener.error();
    listener_ = std::move(*listener);
    return {};
  }

  // DISCONNECT 0x8B to everybody, a moment to take it, then the end. What is not acknowledged by
  // now will be sent again by its publisher.
  void shut_down(int signal) {
    log().info("signal {}: shutting down", signal);
    listener_->stop();
    admin_->stop();
    const std::vector<Session*> sessions(registry_.all().begin(), registry_.all().end());
    for (Session* session : sessions) {
      session->end(protocol::ReasonCode::server_shutting_down, "sluice is shutting down");
    }
    wills_.fire_all();
    timer_.cancel();
    farewell(std::chrono::steady_clock::now() + kFarewell);
  }

  void farewell(std::chrono::steady_clock::time_point until) {
    const bool done = registry_.all().empty() && upstream_->idle();
    if (done || std::chrono::steady_clock::now() >= until) {
      core_.stop();
      return;
    }
    timer_.expires_after(std::chrono::milliseconds(10));
    timer_.async_wait([this, until](const boost::system::error_code& error) {
      if (!error) farewell(until);
    });
  }

  // Sessions must go before what they refer to: their pending operations are made to end.
  void close_sessions() {
    const std::vector<Session*> sessions(registry_.all().begin(), registry_.all().end());
    for (Session* session : sessions) session->abandon();
    for (int turn = 0; turn < 100 && !registry_.all().empty(); ++turn) {
      core_.restart();
      core_.poll();
    }
  }

  void drop_expired_sessions() {
    for (const auto& client_id : registry_.drop_expired(clock_.now())) {
      queues_.put_session(client_id, {});
    }
  }

  void sweep() {
    timer_.expires_after(kSweep);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      drop_expired_sessions();
      sweep();
    });
  }

  const ServeConfig& config_;
  asio::io_context core_{1};  // one thread runs it
  // The journal's answers come from another thread: waiting for them is work as well.
  asio::executor_work_guard<asio::io_context::executor_type> work_{core_.get_executor()};
  Clock clock_;
  QueueService queues_;
  SessionRegistry registry_;
  UpstreamHealth upstream_health_ = UpstreamHealth::unknown;
  Traffic traffic_;
  Wills wills_{core_, queues_, config_.acl, traffic_.publishes_denied};
  std::unique_ptr<Upstream> upstream_;
  std::vector<std::uint8_t> read_buffer_ = std::vector<std::uint8_t>(kReadBufferBytes);
  SessionContext context_;
  AdminApi admin_api_;
  std::unique_ptr<admin::Server> admin_;
  std::unique_ptr<Listener> listener_;
  asio::signal_set signals_;
  asio::steady_timer timer_;
};

}  // namespace

int serve(const ServeConfig& config) {
  set_log_level(config.log_level);
  const auto upstream = upstream_options(config);
  if (!upstream) return complain(kBadConfig, upstream.error().text);
  storage::JournalOptions options;
  options.directory = config.data_dir;
  options.disk_reserve_bytes = config.disk_reserve_bytes;
  options.window_bytes = config.log_window_bytes;
  auto journal = storage::Journal::open(options);
  if (!journal) return complain(kFailed, journal.error().text);
  const auto sessions = (*journal)->sessions();
  if (!sessions) return complain(kFailed, sessions.error().text);
  Server server(config, *upstream, options, std::move(*journal));
  if (const auto recalled = server.recall_sessions(*sessions); !recalled) {
    return complain(kFailed, recalled.error().text);
  }
  return server.run();
}

}  // namespace proxy
