"""Which scripts show which rows of "Differences from talking to the broker" (docs/guarantees.md)
with HiveMQ CE as the broker. With Mosquitto, the scripts say it themselves.
"""


def names(module, text):
    return [f"{module}.{word}" for word in text.split()]


DIFFERS = {
    "behind-disconnect": names("ending", "packets_behind_disconnect"),
    "says-why": [
        *names("malformed", "remaining_length_of_five_bytes second_connect"),
        *names("wills", "after_a_protocol_error"),
    ],
    "strict": [
        *names("exactly_once", """
            receiver_answers_puback_instead"""),
        *names("malformed", """
            acknowledgements_with_packet_id_0 auth_without_method bytes_behind_connect_payload
            connect_cut_short first_packet_is_not_connect first_packet_is_publish
            not_mqtt_at_all pingreq_with_a_body subscribe_with_bad_utf8
            unsubscribe_with_packet_id_0"""),
        *names("subscribing", """
            invalid_filter_in_unsubscribe"""),
    ],
    "auth-ignored": [
        *names("connecting", """
            authentication_method authentication_method_without_data"""),
    ],
    "refused-here": [
        *names("ending", """
            keep_alive_ends_at_one_and_a_half keep_alive_is_not_kept_by_what_the_server_sends"""),
        *names("limits", """
            topic_alias_at_and_above_the_maximum"""),
        *names("malformed", """
            acknowledgements_cut_short
            acknowledgements_with_unknown_reasons acknowledgements_with_wrong_header_flags
            disconnect_with_unknown_reason disconnect_with_wrong_header_flags
            nothing_more_is_handled_behind_an_error packet_type_0 packets_that_only_servers_send
            pingreq_with_wrong_header_flags publish_cut_short publish_payload_format_2
            publish_properties_longer_than_the_packet publish_property_that_belongs_elsewhere
            publish_property_twice publish_property_unknown publish_qos_0_with_dup publish_qos_3
            publish_response_topic_with_wildcard publish_subscription_identifier_from_a_client
            publish_to_a_wildcard publish_to_an_empty_topic publish_with_bad_utf8
            publish_with_nothing publish_with_null_in_topic publish_with_packet_id_0
            pubrel_with_wrong_header_flags
            subscribe_with_identifier_0 subscribe_with_packet_id_0
            subscribe_with_qos_3 subscribe_with_reserved_options
            subscribe_with_retain_handling_3 subscribe_with_two_identifiers
            subscribe_with_wrong_header_flags subscribe_without_filters
            unsubscribe_with_wrong_header_flags
            unsubscribe_without_filters what_came_before_an_error_is_handled"""),
        *names("publishing", """
            topic_alias_0 topic_alias_is_forgotten_with_the_connection topic_alias_too_large
            topic_alias_unknown"""),
        *names("sessions", """
            expiry_from_0_at_disconnect"""),
        *names("subscribing", """
            empty_filter invalid_filter_hash_in_the_middle invalid_filter_plus_in_a_level
            shared_with_a_wildcard_in_its_name shared_with_an_empty_name shared_with_no_local
            shared_without_a_filter"""),
        *names("wills", """
            after_malformed_bytes after_silence"""),
    ],
    "silent-connect": [
        *names("malformed", """
            connect_auth_data_without_method connect_maximum_packet_size_0
            connect_property_that_belongs_elsewhere connect_property_twice
            connect_receive_maximum_0 connect_request_problem_information_2
            connect_with_bad_utf8 connect_with_reserved_header_flags reserved_connect_flag
            unknown_protocol_level unknown_protocol_name user_name_flag_without_user_name
            will_flag_without_will will_qos_3 will_qos_without_will will_retain_without_will
            will_topic_empty will_topic_with_wildcard"""),
    ],
    "repeats": [
        *names("exactly_once", """
            publish_repeated_before_pubrel"""),
    ],
}
