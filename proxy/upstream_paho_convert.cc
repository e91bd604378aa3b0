#include "proxy/upstream_paho_convert.h"

#include <algorithm>
#include <utility>

namespace proxy::paho {
namespace {

using protocol::PropertyId;
using protocol::PropertyType;
using protocol::ReasonCode;

// Private members of the C++ wrapper, where it keeps or hides something that the C library has.
// An explicit instantiation may name them [temp.spec.general].
template <class Key, auto Member>
struct Reveal {
  friend constexpr auto member(Key) { return Member; }
};

struct ConnectStruct {
  friend constexpr auto member(ConnectStruct);
};
template struct Reveal<ConnectStruct, &mqtt::connect_options::opts_>;

struct DisconnectStruct {
  friend constexpr auto member(DisconnectStruct);
};
template struct Reveal<DisconnectStruct, &mqtt::disconnect_options::opts_>;

struct Handle {
  friend constexpr auto member(Handle);
};
template struct Reveal<Handle, &mqtt::async_client::cli_>;

struct ReturnCode {
  friend constexpr auto member(ReturnCode);
};
template struct Reveal<ReturnCode, &mqtt::token::rc_>;

MQTTLenString lent(const std::string& text) {
  return {static_cast<int>(text.size()), const_cast<char*>(text.data())};
}

std::string owned(const MQTTLenString& text) {
  if (!text.data || text.len <= 0) return {};
  return std::string(text.data, static_cast<std::size_t>(text.len));
}

void set_number(MQTTProperty& to, PropertyType type, std::uint32_t number) {
  constexpr std::uint32_t paho_max = 0x7FFFFFFF;
  if (type == PropertyType::byte) {
    to.value.byte = static_cast<unsigned char>(number);
  } else if (type == PropertyType::two_byte) {
    to.value.integer2 = static_cast<unsigned short>(number);
  } else {
    to.value.integer4 = std::min(number, paho_max);
  }
}

std::uint32_t number_of(const MQTTProperty& property, PropertyType type) {
  if (type == PropertyType::byte) return property.value.byte;
  if (type == PropertyType::two_byte) return property.value.integer2;
  return property.value.integer4;
}

// A view: strings stay with `from`.
MQTTProperty view(const protocol::Property& from) {
  MQTTProperty to{};
  to.identifier = static_cast<MQTTPropertyCodes>(from.id);
  if (const auto* number = std::get_if<std::uint32_t>(&from.value)) {
    set_number(to, protocol::type_of(from.id), *number);
  } else if (const auto* text = std::get_if<std::string>(&from.value)) {
    to.value.data = lent(*text);
  } else {
    const auto& [name, value] = std::get<protocol::StringPair>(from.value);
    to.value.data = lent(name);
    to.value.value = lent(value);
  }
  return to;
}

void add(protocol::Properties& to, const MQTTProperty& property) {
  const auto id = static_cast<PropertyId>(property.identifier);
  const auto type = protocol::type_of(id);
  if (type == PropertyType::utf8_pair) {
    to.add_user(owned(property.value.data), owned(property.value.value));
  } else if (type == PropertyType::utf8_string || type == PropertyType::binary) {
    to.add(id, owned(property.value.data));
  } else {
    to.add(id, number_of(property, type));
  }
}

protocol::Properties hop_properties(protocol::Properties properties) {
  properties.remove(PropertyId::topic_alias_maximum);
  properties.remove(PropertyId::authentication_method);
  properties.remove(PropertyId::authentication_data);
  return properties;
}

void set_credentials(mqtt::connect_options& options, const protocol::Connect& connect) {
  if (connect.username) options.set_user_name(*connect.username);
  if (connect.password) options.set_password(mqtt::binary_ref(*connect.password));
  // The wrapper leaves out what is empty; "" is not the same as none.
  auto& raw = options.*member(ConnectStruct{});
  if (connect.username && connect.username->empty()) raw.username = "";
  if (connect.password && connect.password->empty()) raw.binarypwd = {0, ""};
}

void set_will(mqtt::connect_options& options, const protocol::Will& will) {
  options.set_will(mqtt::will_options(mqtt::string_ref(will.topic), will.payload.data(),
                                      will.payload.size(), static_cast<int>(will.qos), will.retain,
                                      to_paho(will.properties)));
}

}  // namespace

mqtt::properties to_paho(const protocol::Properties& properties) {
  mqtt::properties result;
  for (const auto& property : properties.items()) {
    const MQTTProperty lent_one = view(property);  // an rvalue would be taken over and freed
    result.add(mqtt::property(lent_one));
  }
  return result;
}

protocol::Properties from_paho(const MQTTProperties& properties) {
  protocol::Properties result;
  for (int i = 0; i < properties.count; ++i) add(result, properties.array[i]);
  return result;
}

mqtt::connect_options connect_options(const protocol::Connect& connect,
                                      std::uint16_t keep_alive_s) {
  mqtt::connect_options options;
  // Always an explicit version: 0 would try MQTT 3.1 after a failure.
  options.set_mqtt_version(static_cast<int>(connect.version));
  if (connect.version == protocol::Version::v5) {
    options.set_clean_start(connect.clean_start);
    options.set_properties(to_paho(hop_properties(connect.properties)));
  } else {
    options.set_clean_session(connect.clean_start);
  }
  options.set_keep_alive_interval(keep_alive_s);
  options.set_automatic_reconnect(false);
  options.set_max_inflight(65'535);
  if (connect.will) set_will(options, *connect.will);
  set_credentials(options, connect);
  return options;
}

mqtt::disconnect_options disconnect_options(const protocol::Disconnect& disconnect) {
  mqtt::disconnect_options options;
  options.set_timeout(0);
  options.set_reason_code(static_cast<mqtt::ReasonCode>(disconnect.reason));
  options.set_properties(to_paho(disconnect.properties));
  // Without this Paho C++ 1.2.0 keeps reason and properties to itself.
  (options.*member(DisconnectStruct{})).struct_version = 1;
  return options;
}

protocol::Publish from_paho(const mqtt::message& message) {
  protocol::Publish publish;
  publish.dup = message.is_duplicate();
  publish.qos = static_cast<protocol::QoS>(message.get_qos());
  publish.retain = message.is_retained();
  publish.topic = message.get_topic();
  publish.properties = from_paho(message.get_properties().c_struct());
  publish.payload = message.get_payload_str();
  return publish;
}

MQTTSubscribe_options subscribe_options(const protocol::Subscription& subscription) {
  MQTTSubscribe_options options = MQTTSubscribe_options_initializer;
  options.noLocal = subscription.no_local ? 1 : 0;
  options.retainAsPublished = subscription.retain_as_published ? 1 : 0;
  options.retainHandling = static_cast<unsigned char>(subscription.retain_handling);
  return options;
}

MQTTAsync handle_of(const mqtt::async_client& client) { return client.*member(Handle{}); }

std::vector<ReasonCode> reasons(int count, const MQTTReasonCodes* list, MQTTReasonCodes only) {
  if (count < 2 || !list) return {static_cast<ReasonCode>(only)};
  std::vector<ReasonCode> result;
  result.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) result.push_back(static_cast<ReasonCode>(list[i]));
  return result;
}

protocol::Connack connack(const mqtt::token& token) {
  const auto response = token.get_connect_response();
  protocol::Connack connack;
  connack.session_present = response.is_session_present();
  connack.properties = from_paho(response.get_properties().c_struct());
  return connack;
}

protocol::Connack refusal(const mqtt::token& token, protocol::Version version) {
  // 1.3.12 puts the broker's code into the return code, where its own errors are negative.
  const int code = token.*member(ReturnCode{});
  protocol::Connack connack;
  if (code <= 0 || code > 0xFF) {
    connack.reason = ReasonCode::server_unavailable;
  } else if (version == protocol::Version::v5 && code >= 0x80) {
    connack.reason = static_cast<ReasonCode>(code);
  } else {
    connack.reason = protocol::from_return_code(static_cast<std::uint8_t>(code));
  }
  return connack;
}

}  // namespace proxy::paho
