#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/queue_options.h"
#include "dispatch/result.h"
#include "proxy/acl.h"
#include "proxy/endpoint.h"

// What `sluice serve` is told: the TOML file first, the command line over it.
// docs/configuration.md describes every key.

namespace proxy {

// What a subscription to a queue that isn't there gets.
enum class MissingQueue {
  reject,  // SUBACK 0x80
  wait,    // granted, and bound when the queue appears
  create,  // the queue, from queue_defaults
};

// What a lost connection to the broker means for clients of queues.
enum class UpstreamLost {
  close,  // the session ends as well
  hold,   // it goes on with its queues, and is attached to the broker again when that is back
};

// How the broker's certificate is checked and ours is shown: the [upstream_tls] table. Empty: none.
struct UpstreamTls {
  std::string ca_file;      // who is trusted, PEM; empty: the system's certificates
  std::string cert_file;    // our own certificate and what leads to its CA, PEM
  std::string key_file;     // its private key, PEM; both or neither
  std::string server_name;  // of the broker's certificate; empty: the host of `upstream`

  bool operator==(const UpstreamTls&) const = default;
};

struct ServeConfig {
  Endpoint listen{"mqtt", "127.0.0.1", 1884, {}};
  Endpoint upstream{"mqtt", "127.0.0.1", 1883, {}};
  UpstreamTls upstream_tls;
  UpstreamLost upstream_lost = UpstreamLost::close;
  Endpoint admin{"http", "127.0.0.1", 8480, {}};
  std::filesystem::path data_dir;
  std::string log_level = "info";              // one of log_levels()
  std::vector<dispatch::QueueOptions> queues;  // [[queue]] tables; names and filters differ
  std::vector<std::string> queue_filters;      // --queue FILTER
  MissingQueue missing_queue = MissingQueue::reject;
  dispatch::QueueOptions queue_defaults;  // [queue_defaults]: of queues that missing_queue makes
  bool emqx_prefix = false;               // [compat]: `$queue/<name>` means a queue as well
  Acl acl;                                // [[acl]]: who may produce and consume

  // Limits, each a key of the same name in the [limits] table.
  std::uint32_t max_packet_bytes = 268'435'460;  // of one packet from a client, 1024..268435460
  std::uint16_t receive_maximum = 1024;          // QoS 1/2 publishes a client may have open
  std::uint64_t max_outbound_bytes = 8u << 20;   // per client, then it gets no more deliveries
  std::uint32_t max_connections = 10'000;
  std::uint32_t connect_timeout_s = 10;  // from accept to CONNECT
  // What stays free on the disk of data_dir; below it publishes to queues are refused. 0: nothing.
  std::uint64_t disk_reserve_bytes = 256u << 20;
  // Of the journal's log: messages that stay longer may be moved out of it.
  std::uint64_t log_window_bytes = 256u << 20;
};

// trace debug info warn error off
std::span<const std::string_view> log_levels();
dispatch::Result<void> check_log_level(std::string_view level);

// Reads a config file into `config`. Unknown tables and keys, options that are not built, values of
// the wrong type or out of range are errors that name file, line, key and what it takes; `config`
// is of no use then.
dispatch::Result<void> read_config(const std::filesystem::path& file, ServeConfig& config);

// The same from text; `name` stands for the file in errors.
dispatch::Result<void> parse_config(std::string_view text, std::string_view name,
                                    ServeConfig& config);

}  // namespace proxy
