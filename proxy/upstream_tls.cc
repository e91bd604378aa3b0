#include "proxy/upstream_tls.h"

#include <fstream>
#include <string>

namespace proxy {
namespace {

namespace ssl = boost::asio::ssl;

dispatch::Error wrong(const char* key, const std::string& file, const std::string& why) {
  return dispatch::invalid("upstream_tls: " + std::string(key) + " " + file + ": " + why);
}

// `load` puts the file into the context.
template <class Load>
dispatch::Result<void> use(const char* key, const std::string& file, Load&& load) {
  if (file.empty()) return {};
  if (!std::ifstream(file)) return wrong(key, file, "cannot be read");
  boost::system::error_code error;
  load(error);
  if (error) return wrong(key, file, error.message());
  return {};
}

}  // namespace

dispatch::Result<std::shared_ptr<ssl::context>> make_upstream_tls(const UpstreamTls& config) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  boost::system::error_code ignored;
  context->set_verify_mode(ssl::verify_peer, ignored);
  if (config.ca_file.empty()) context->set_default_verify_paths(ignored);
  auto used = use("ca_file", config.ca_file,
                  [&](auto& error) { context->load_verify_file(config.ca_file, error); });
  if (!used) return used.error();
  used = use("cert_file", config.cert_file,
             [&](auto& error) { context->use_certificate_chain_file(config.cert_file, error); });
  if (!used) return used.error();
  used = use("key_file", config.key_file, [&](auto& error) {
    context->use_private_key_file(config.key_file, ssl::context::pem, error);
  });
  if (!used) return used.error();
  return context;
}

}  // namespace proxy
