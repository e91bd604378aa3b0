#include "tests/protocol/packet_table.h"

namespace protocol::test {
namespace {

using enum Version;
using enum PropertyId;

// Properties written in one expression.
struct Props {
  Properties list;
  Props number(PropertyId id, std::uint32_t value) && {
    list.add(id, value);
    return std::move(*this);
  }
  Props text(PropertyId id, std::string value) && {
    list.add(id, std::move(value));
    return std::move(*this);
  }
  Props user(std::string key, std::string value) && {
    list.add_user(std::move(key), std::move(value));
    return std::move(*this);
  }
  operator Properties() && { return std::move(list); }  // NOLINT: that is its purpose
};

Connect full_connect() {
  Will will{.topic = "w", .payload = "bye", .qos = QoS::at_least_once, .retain = true};
  will.properties = Props()
                        .number(will_delay_interval, 30)
                        .number(payload_format_indicator, 1)
                        .number(message_expiry_interval, 60)
                        .text(content_type, "ct")
                        .text(response_topic, "rt")
                        .text(correlation_data, std::string(1, '\0'))
                        .user("a", "b");
  Connect connect{.keep_alive_s = 10, .client_id = "cid", .will = will};
  connect.username = "u";
  connect.password = "p";
  connect.properties = Props()
                           .number(session_expiry_interval, 10)
                           .number(receive_maximum, 20)
                           .number(maximum_packet_size, 4096)
                           .number(topic_alias_maximum, 5)
                           .number(request_response_information, 1)
                           .number(request_problem_information, 0)
                           .user("k", "v")
                           .text(authentication_method, "m")
                           .text(authentication_data, std::string("\0\xFF", 2));
  return connect;
}

Connect old_full_connect() {
  Connect connect{.version = v3_1_1, .clean_start = false, .client_id = "c"};
  connect.will = Will{.topic = "a/b", .qos = QoS::exactly_once};
  connect.username = "user";
  connect.password = std::string("\0\xFF", 2);
  return connect;
}

Connack full_connack() {
  Connack connack;
  connack.properties = Props()
                           .number(session_expiry_interval, 100)
                           .number(receive_maximum, 10)
                           .number(maximum_qos, 1)
                           .number(retain_available, 0)
                           .number(maximum_packet_size, 65536)
                           .text(assigned_client_identifier, "id")
                           .number(topic_alias_maximum, 10)
                           .text(reason_string, "ok")
                           .user("", "")
                           .number(wildcard_subscription_available, 0)
                           .number(subscription_identifier_available, 1)
                           .number(shared_subscription_available, 0)
                           .number(server_keep_alive, 30)
                           .text(response_information, "r")
                           .text(server_reference, "s")
                           .text(authentication_method, "m")
                           .text(authentication_data, "");
  return connack;
}

Publish full_publish() {
  Publish publish{.qos = QoS::at_least_once, .topic = "t", .packet_id = 7, .payload = "hi"};
  publish.properties = Props()
                           .number(payload_format_indicator, 0)
                           .number(message_expiry_interval, 1)
                           .number(topic_alias, 10)
                           .text(response_topic, "r")
                           .text(correlation_data, "\x01\x02\x03")
                           .user("a", "1")
                           .user("a", "2")
                           .number(subscription_identifier, 127)
                           .number(subscription_identifier, 128)
                           .number(subscription_identifier, 268'435'455)
                           .text(content_type, "text");
  return publish;
}

Subscribe full_subscribe() {
  Subscribe subscribe{.packet_id = 16};
  subscribe.properties = Props().number(subscription_identifier, 5).user("k", "");
  subscribe.subscriptions.push_back({.filter = "$share/g/a/+",
                                     .qos = QoS::at_least_once,
                                     .retain_as_published = true,
                                     .retain_handling = RetainHandling::never});
  subscribe.subscriptions.push_back({.filter = "t",
                                     .qos = QoS::exactly_once,
                                     .no_local = true,
                                     .retain_handling = RetainHandling::send_if_new});
  return subscribe;
}

template <class Ack>
Ack refused(PacketId id, ReasonCode reason, std::string text) {
  Ack ack{.packet_id = id, .reason = reason};
  ack.properties.add(reason_string, std::move(text));
  return ack;
}

std::vector<Sample> connection_samples() {
  return {
      {"connect_311", v3_1_1, "10 0F 0004 'MQTT' 04 02 003C 0003 'abc'",
       Connect{.version = v3_1_1, .keep_alive_s = 60, .client_id = "abc"}},
      {"connect_311_nameless", v3_1_1, "10 0C 0004 'MQTT' 04 02 FFFF 0000",
       Connect{.version = v3_1_1, .keep_alive_s = 65535}},
      {"connect_311_full", v3_1_1,
       "10 1E 0004 'MQTT' 04 D4 0000 0001 'c' 0003 'a/b' 0000 0004 'user' 0002 00FF",
       old_full_connect()},
      {"connect_5", v5, "10 0D 0004 'MQTT' 05 02 0000 00 0000", Connect{}},
      {"connect_5_password_alone", v5, "10 10 0004 'MQTT' 05 42 0000 00 0000 0001 'p'",
       Connect{.password = "p"}},
      {"connect_5_full", v5,
       "10 64 0004 'MQTT' 05 EE 000A 24 11 0000000A 21 0014 27 00001000 22 0005 19 01 17 00 "
       "26 0001 'k' 0001 'v' 15 0001 'm' 16 0002 00FF 0003 'cid' "
       "21 18 0000001E 01 01 02 0000003C 03 0002 'ct' 08 0002 'rt' 09 0001 00 "
       "26 0001 'a' 0001 'b' 0001 'w' 0003 'bye' 0001 'u' 0001 'p'",
       full_connect()},
      {"connack_311", v3_1_1, "20 02 01 00", Connack{.session_present = true}},
      {"connack_311_refused", v3_1_1, "20 02 00 05", Connack{.reason = ReasonCode::not_authorized}},
      {"connack_5", v5, "20 03 01 00 00", Connack{.session_present = true}},
      {"connack_5_refused", v5, "20 03 00 87 00", Connack{.reason = ReasonCode::not_authorized}},
      {"connack_5_full", v5,
       "20 3E 00 00 3B 11 00000064 21 000A 24 01 25 00 27 00010000 12 0002 'id' 22 000A "
       "1F 0002 'ok' 26 0000 0000 28 00 29 01 2A 00 13 001E 1A 0001 'r' 1C 0001 's' "
       "15 0001 'm' 16 0000",
       full_connack()},
      {"pingreq_311", v3_1_1, "C0 00", Pingreq{}},
      {"pingreq_5", v5, "C0 00", Pingreq{}},
      {"pingresp_311", v3_1_1, "D0 00", Pingresp{}},
      {"pingresp_5", v5, "D0 00", Pingresp{}},
      {"disconnect_311", v3_1_1, "E0 00", Disconnect{}},
      {"disconnect_5", v5, "E0 00", Disconnect{}},
      {"disconnect_5_will", v5, "E0 01 04", Disconnect{.reason = ReasonCode::disconnect_with_will}},
      {"disconnect_5_expiry", v5, "E0 07 00 05 11 00000000",
       Disconnect{.properties = Props().number(session_expiry_interval, 0)}},
      {"disconnect_5_elsewhere", v5, "E0 0A 9C 08 1C 0001 's' 1F 0001 'r'",
       Disconnect{.reason = ReasonCode::use_another_server,
                  .properties = Props().text(server_reference, "s").text(reason_string, "r")}},
      {"auth_5", v5, "F0 00", Auth{}},
      {"auth_5_continue", v5, "F0 0A 18 08 15 0001 'm' 16 0001 'd'",
       Auth{.reason = ReasonCode::continue_authentication,
            .properties = Props().text(authentication_method, "m").text(authentication_data, "d")}},
  };
}

std::vector<Sample> message_samples() {
  Publish two_digits{.topic = "t", .payload = std::string(125, 'x')};
  Publish three_digits{.topic = "t", .payload = std::string(16381, 'x')};
  return {
      {"publish_311_q0", v3_1_1, "30 06 0003 'a/b' 'x'", Publish{.topic = "a/b", .payload = "x"}},
      {"publish_311_q1", v3_1_1, "3B 08 0003 'a/b' 000A 'x'",
       Publish{.dup = true,
               .qos = QoS::at_least_once,
               .retain = true,
               .topic = "a/b",
               .packet_id = 10,
               .payload = "x"}},
      {"publish_311_q2", v3_1_1, "34 05 0001 't' FFFF",
       Publish{.qos = QoS::exactly_once, .topic = "t", .packet_id = 65535}},
      {"publish_311_128", v3_1_1, "30 8001 0001 't' 78*125", two_digits},
      {"publish_311_16384", v3_1_1, "30 808001 0001 't' 78*16381", three_digits},
      {"publish_5_q0", v5, "30 05 0001 't' 00 'p'", Publish{.topic = "t", .payload = "p"}},
      {"publish_5_q2", v5, "3D 07 0002 C3A9 0102 00",
       Publish{.dup = true,
               .qos = QoS::exactly_once,
               .retain = true,
               .topic = "\xC3\xA9",
               .packet_id = 258}},
      {"publish_5_alias", v5, "30 06 0000 03 23 0001",
       Publish{.properties = Props().number(topic_alias, 1)}},
      {"publish_5_full", v5,
       "32 3B 0001 't' 0007 33 01 00 02 00000001 23 000A 08 0001 'r' 09 0003 010203 "
       "26 0001 'a' 0001 '1' 26 0001 'a' 0001 '2' 0B 7F 0B 8001 0B FFFFFF7F 03 0004 'text' 'hi'",
       full_publish()},
      {"puback_311", v3_1_1, "40 02 0001", Puback{.packet_id = 1}},
      {"puback_5", v5, "40 02 0001", Puback{.packet_id = 1}},
      {"puback_5_code", v5, "40 03 0001 10",
       Puback{.packet_id = 1, .reason = ReasonCode::no_matching_subscribers}},
      {"puback_5_full", v5, "40 09 0001 97 05 1F 0002 'no'",
       refused<Puback>(1, ReasonCode::quota_exceeded, "no")},
      {"pubrec_311", v3_1_1, "50 02 1234", Pubrec{.packet_id = 0x1234}},
      {"pubrec_5_code", v5, "50 03 1234 99",
       Pubrec{.packet_id = 0x1234, .reason = ReasonCode::payload_format_invalid}},
      {"pubrec_5_full", v5, "50 09 0001 83 05 1F 0002 'no'",
       refused<Pubrec>(1, ReasonCode::implementation_specific_error, "no")},
      {"pubrel_311", v3_1_1, "62 02 1234", Pubrel{.packet_id = 0x1234}},
      {"pubrel_5", v5, "62 02 1234", Pubrel{.packet_id = 0x1234}},
      {"pubrel_5_full", v5, "62 07 0001 92 03 1F 0000",
       refused<Pubrel>(1, ReasonCode::packet_identifier_not_found, "")},
      {"pubcomp_311", v3_1_1, "70 02 FFFF", Pubcomp{.packet_id = 65535}},
      {"pubcomp_5_code", v5, "70 03 FFFF 92",
       Pubcomp{.packet_id = 65535, .reason = ReasonCode::packet_identifier_not_found}},
  };
}

std::vector<Sample> subscription_samples() {
  Subscribe old{.packet_id = 1};
  old.subscriptions.push_back({.filter = "a/+", .qos = QoS::at_least_once});
  old.subscriptions.push_back({.filter = "#", .qos = QoS::exactly_once});
  using enum ReasonCode;
  return {
      {"subscribe_311", v3_1_1, "82 0C 0001 0003 'a/+' 01 0001 '#' 02", old},
      {"subscribe_5_full", v5,
       "82 1E 0010 08 0B 05 26 0001 'k' 0000 000C '$share/g/a/+' 29 0001 't' 16", full_subscribe()},
      {"suback_311", v3_1_1, "90 06 0001 00 01 02 80",
       Suback{.packet_id = 1,
              .reasons = {success, granted_qos_1, granted_qos_2, unspecified_error}}},
      {"suback_5_full", v5, "90 0C 0001 05 1F 0002 'hm' 00 01 02 87",
       Suback{.packet_id = 1,
              .properties = Props().text(reason_string, "hm"),
              .reasons = {success, granted_qos_1, granted_qos_2, not_authorized}}},
      {"unsubscribe_311", v3_1_1, "A2 08 0002 0001 'a' 0001 '#'",
       Unsubscribe{.packet_id = 2, .filters = {"a", "#"}}},
      {"unsubscribe_5_full", v5, "A2 0D 0002 07 26 0001 'x' 0001 'y' 0001 'a'",
       Unsubscribe{.packet_id = 2, .properties = Props().user("x", "y"), .filters = {"a"}}},
      {"unsuback_311", v3_1_1, "B0 02 0002", Unsuback{.packet_id = 2}},
      {"unsuback_5", v5, "B0 05 0002 00 00 11",
       Unsuback{.packet_id = 2, .reasons = {success, no_subscription_existed}}},
  };
}

std::vector<Sample> all_samples() {
  std::vector<Sample> all = connection_samples();
  for (Sample& sample : message_samples()) all.push_back(std::move(sample));
  for (Sample& sample : subscription_samples()) all.push_back(std::move(sample));
  return all;
}

}  // namespace

const std::vector<Sample>& packet_table() {
  static const std::vector<Sample> samples = all_samples();
  return samples;
}

const std::vector<Sample>& long_forms() {
  static const std::vector<Sample> samples = {
      {"puback_5_long", v5, "40 04 0001 00 00", Puback{.packet_id = 1}},
      {"puback_5_no_properties", v5, "40 03 0001 00", Puback{.packet_id = 1}},
      {"pubrel_5_long", v5, "62 04 0001 92 00",
       Pubrel{.packet_id = 1, .reason = ReasonCode::packet_identifier_not_found}},
      {"disconnect_5_code", v5, "E0 01 00", Disconnect{}},
      {"disconnect_5_long", v5, "E0 02 00 00", Disconnect{}},
      {"auth_5_long", v5, "F0 02 00 00", Auth{}},
  };
  return samples;
}

}  // namespace protocol::test
