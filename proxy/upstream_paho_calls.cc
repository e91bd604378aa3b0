#include "proxy/upstream_paho_calls.h"

#include <string>
#include <utility>

#include "proxy/upstream_paho_connection.h"
#include "proxy/upstream_paho_convert.h"

namespace proxy {
namespace {

using protocol::ReasonCode;
using protocol::Version;

// The C library takes `char*` and only reads.
char* borrow(const std::string& text) { return const_cast<char*>(text.c_str()); }

bool is_refusal(const MQTTAsync_failureData5* data) {
  return data && data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR && data->reasonCode <= 0xFF;
}

}  // namespace

PahoCall* PahoCalls::begin(PahoCall::Kind kind, protocol::PacketId packet_id) {
  count(1);
  const std::lock_guard lock(mutex_);
  if (free_.empty()) free_.push_back(&calls_.emplace_back());
  PahoCall* const call = free_.back();
  free_.pop_back();
  *call = {};
  call->calls = this;
  call->kind = kind;
  call->packet_id = packet_id;
  call->open = true;
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

MQTTAsync_responseOptions PahoCalls::options_for(PahoCall* call, Version version) {
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  options.context = call;
  if (version == Version::v5) {
    options.onSuccess5 = &on_success<MQTTAsync_successData5>;
    options.onFailure5 = &on_failure<MQTTAsync_failureData5>;
  } else {
    options.onSuccess = &on_success<MQTTAsync_successData>;
    options.onFailure = &on_failure<MQTTAsync_failureData>;
  }
  return options;
}

int PahoCalls::publish(MQTTAsync client, const protocol::Publish& publish, Version version) {
  PahoCall* const call = begin(PahoCall::Kind::publish, publish.packet_id);
  call->qos = publish.qos;
  const auto properties = paho::to_paho(publish.properties);
  MQTTAsync_message message = MQTTAsync_message_initializer;
  message.payload = const_cast<char*>(publish.payload.data());
  message.payloadlen = static_cast<int>(publish.payload.size());
  message.qos = static_cast<int>(publish.qos);
  message.retained = publish.retain ? 1 : 0;
  message.properties = properties.c_struct();
  auto options = options_for(call, version);
  return check(*call, MQTTAsync_sendMessage(client, publish.topic.c_str(), &message, &options));
}

int PahoCalls::subscribe(MQTTAsync client, const protocol::Subscribe& subscribe, Version version) {
  PahoCall* const call = begin(PahoCall::Kind::subscribe, subscribe.packet_id);
  call->filters = subscribe.subscriptions.size();
  std::vector<char*> filters;
  std::vector<int> qos;
  std::vector<MQTTSubscribe_options> subscribe_options;
  for (const auto& subscription : subscribe.subscriptions) {
    filters.push_back(borrow(subscription.filter));
    qos.push_back(static_cast<int>(subscription.qos));
    subscribe_options.push_back(paho::subscribe_options(subscription));
  }
  const auto properties = paho::to_paho(subscribe.properties);
  auto options = options_for(call, version);
  if (version == Version::v5) {
    options.properties = properties.c_struct();
    options.subscribeOptions = subscribe_options.front();  // a single filter's
    options.subscribeOptionsCount = static_cast<int>(subscribe_options.size());
    options.subscribeOptionsList = subscribe_options.data();
  }
  return check(*call, MQTTAsync_subscribeMany(client, static_cast<int>(filters.size()),
                                              filters.data(), qos.data(), &options));
}

int PahoCalls::unsubscribe(MQTTAsync client, const protocol::Unsubscribe& unsubscribe,
                           Version version) {
  PahoCall* const call = begin(PahoCall::Kind::unsubscribe, unsubscribe.packet_id);
  call->filters = unsubscribe.filters.size();
  std::vector<char*> filters;
  for (const auto& filter : unsubscribe.filters) filters.push_back(borrow(filter));
  const auto properties = paho::to_paho(unsubscribe.properties);
  auto options = options_for(call, version);
  options.properties = properties.c_struct();
  return check(*call, MQTTAsync_unsubscribeMany(client, static_cast<int>(filters.size()),
                                                filters.data(), &options));
}

template <class Data>
void PahoCalls::on_success(void* context, Data* data) {
  PahoCall call = *static_cast<PahoCall*>(context);
  if (call.calls->finish(*static_cast<PahoCall*>(context))) call.calls->succeeded(call, data);
}

template <class Data>
void PahoCalls::on_failure(void* context, Data* data) {
  PahoCall call = *static_cast<PahoCall*>(context);
  if (call.calls->finish(*static_cast<PahoCall*>(context))) call.calls->failed(call, data);
}

void PahoCalls::succeeded(PahoCall& call, const MQTTAsync_successData* data) {
  if (call.kind == PahoCall::Kind::publish) {
    return connection_.published(call.qos, call.packet_id, ReasonCode::success, {});
  }
  if (call.kind == PahoCall::Kind::unsubscribe) {
    return connection_.emit(protocol::Unsuback{.packet_id = call.packet_id});
  }
  protocol::Suback suback;
  suback.packet_id = call.packet_id;
  for (std::size_t i = 0; data && i < call.filters; ++i) {
    const int code = call.filters == 1 ? data->alt.qos : data->alt.qosList[i];
    suback.reasons.push_back(static_cast<ReasonCode>(code));
  }
  connection_.emit(std::move(suback));
}

void PahoCalls::succeeded(PahoCall& call, const MQTTAsync_successData5* data) {
  if (call.kind == PahoCall::Kind::publish) {
    // The code and properties that Paho shows here are those we sent, not the broker's.
    return connection_.published(call.qos, call.packet_id, ReasonCode::success, {});
  }
  if (!data) return;
  if (call.kind == PahoCall::Kind::subscribe) {
    const auto& sub = data->alt.sub;
    protocol::Suback suback;
    suback.packet_id = call.packet_id;
    suback.properties = paho::from_paho(data->properties);
    suback.reasons = paho::reasons(sub.reasonCodeCount, sub.reasonCodes, data->reasonCode);
    return connection_.emit(std::move(suback));
  }
  const auto& unsub = data->alt.unsub;
  protocol::Unsuback unsuback;
  unsuback.packet_id = call.packet_id;
  unsuback.properties = paho::from_paho(data->properties);
  unsuback.reasons = paho::reasons(unsub.reasonCodeCount, unsub.reasonCodes, data->reasonCode);
  connection_.emit(std::move(unsuback));
}

// A failure without a code of the broker means that the connection is on its way out: no answer.
void PahoCalls::failed(PahoCall& call, const MQTTAsync_failureData* data) {
  constexpr int refused = 0x80;
  if (call.kind != PahoCall::Kind::subscribe || !data || data->code != refused) return;
  protocol::Suback suback;
  suback.packet_id = call.packet_id;
  suback.reasons.assign(call.filters, ReasonCode::unspecified_error);
  connection_.emit(std::move(suback));
}

void PahoCalls::failed(PahoCall& call, const MQTTAsync_failureData5* data) {
  if (!is_refusal(data)) return;
  const auto reason = static_cast<ReasonCode>(data->reasonCode);
  auto properties = paho::from_paho(data->properties);
  if (call.kind == PahoCall::Kind::publish) {
    return connection_.published(call.qos, call.packet_id, reason, std::move(properties));
  }
  if (call.kind == PahoCall::Kind::subscribe) {
    protocol::Suback suback;
    suback.packet_id = call.packet_id;
    suback.properties = std::move(properties);
    suback.reasons.assign(call.filters, reason);
    return connection_.emit(std::move(suback));
  }
  protocol::Unsuback unsuback;
  unsuback.packet_id = call.packet_id;
  unsuback.properties = std::move(properties);
  unsuback.reasons.assign(call.filters, reason);
  connection_.emit(std::move(unsuback));
}

}  // namespace proxy
