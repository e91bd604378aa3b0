#pragma once

// What of the C library Paho gets from us. Our executable defines getaddrinfo(), connect(), poll(),
// recv(), writev() and close(); the Paho library calls all of them through its PLT, so it gets
// ours, unmodified as it is. For a client whose URI has the host name of a pipe
// (upstream_paho_pipe.h) they make the pipe its socket: Paho never touches the network, and nothing
// of what it does waits for a system call. For everybody else, Paho or not, they are the C
// library's own (under a sanitizer: its interceptors).

namespace proxy::paho_hooks {

// Must be called by whoever relies on the hooks: it brings the file with their definitions into the
// executable.
void require();

}  // namespace proxy::paho_hooks
