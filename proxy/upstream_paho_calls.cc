#include "proxy/upstream_paho_calls.h"

#include <string>
#include <utility>

#include "proxy/upstream_paho_connection.h"
#include "proxy/upstream_paho_convert.h"

namespace proxy {
namespace {

using protocol::Version;

// The C library takes `char*` and only reads.
char* borrow(const std::string& text) { return const_cast<char*>(text.c_str()); }

}  // namespace

PahoCall* PahoCalls::begin(std::size_t bytes) {
  count(1);
  const std::lock_guard lock(mutex_);
  if (free_.empty()) free_.push_back(&calls_.emplace_back());
  PahoCall* const call = free_.back();
  free_.pop_back();
  *call = {this, bytes, true};
  return call;
}

bool PahoCalls::finish(PahoCall& call) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(call.open, false)) return false;
  free_.push_back(&call);
  count(-1);
  return true;
}

int PahoCalls::check(PahoCall& call, int return_code) {
  if (return_code != MQTTASYNC_SUCCESS) finish(call);
  return return_code;
}

// Success and failure alike: the broker's refusals are failures to Paho.
template <class Data>
void PahoCalls::done(void* context, Data*) {
  const PahoCall call = *static_cast<PahoCall*>(context);
  if (!call.calls->finish(*static_cast<PahoCall*>(context))) return;
  call.calls->connection_.done(call.bytes);
}

MQTTAsync_responseOptions PahoCalls::options_for(PahoCall* call) const {
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  options.context = call;
  if (version_ == Version::v5) {
    options.onSuccess5 = &done<MQTTAsync_successData5>;
    options.onFailure5 = &done<MQTTAsync_failureData5>;
  } else {
    options.onSuccess = &done<MQTTAsync_successData>;
    options.onFailure = &done<MQTTAsync_failureData>;
  }
  return options;
}

int PahoCalls::publish(MQTTAsync client, const protocol::Publish& publish) {
  const paho::PropertyList properties(publish.properties);
  MQTTAsync_message message = MQTTAsync_message_initializer;
  message.payload = const_cast<char*>(publish.payload.data());
  message.payloadlen = static_cast<int>(publish.payload.size());
  message.retained = publish.retain ? 1 : 0;
  message.properties = properties.c_struct();
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;  // for the properties
  return MQTTAsync_sendMessage(client, publish.topic.c_str(), &message, &options);
}

int PahoCalls::subscribe(MQTTAsync client, const protocol::Subscribe& subscribe,
                         std::size_t bytes) {
  PahoCall* const call = begin(bytes);
  std::vector<char*> filters;
  std::vector<int> qos;
  std::vector<MQTTSubscribe_options> subscribe_options;
  for (const auto& subscription : subscribe.subscriptions) {
    filters.push_back(borrow(subscription.filter));
    qos.push_back(static_cast<int>(subscription.qos));
    subscribe_options.push_back(paho::subscribe_options(subscription));
  }
  const paho::PropertyList properties(subscribe.properties);
  auto options = options_for(call);
  if (version_ == Version::v5) {
    options.properties = properties.c_struct();
    options.subscribeOptions = subscribe_options.front();  // a single filter's
    options.subscribeOptionsCount = static_cast<int>(subscribe_options.size());
    options.subscribeOptionsList = subscribe_options.data();
  }
  return check(*call, MQTTAsync_subscribeMany(client, static_cast<int>(filters.size()),
                                              filters.data(), qos.data(), &options));
}

int PahoCalls::unsubscribe(MQTTAsync client, const protocol::Unsubscribe& unsubscribe,
                           std::size_t bytes) {
  PahoCall* const call = begin(bytes);
  std::vector<char*> filters;
  for (const auto& filter : unsubscribe.filters) filters.push_back(borrow(filter));
  const paho::PropertyList properties(unsubscribe.properties);
  auto options = options_for(call);
  options.properties = properties.c_struct();
  return check(*call, MQTTAsync_unsubscribeMany(client, static_cast<int>(filters.size()),
                                                filters.data(), &options));
}

}  // namespace proxy
