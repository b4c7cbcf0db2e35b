// A connected TCP or TLS socket as an Asio AsyncStream with a cork: one read fills 64 KiB and serves many frames, writes collect
// and leave when the next read would block. One type for plain and TLS (OpenSSL on the descriptor itself), so Beast is compiled once.
// Figures behind it: shared/design/PERFORMANCE.md.
//
// All calls on the executor's thread. Bound: async_write_some completes late once `cork_bytes` (256 KiB) are waiting: that is the
// back-pressure. flush() sends what is corked without a read. Owns descriptor and SSL.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <functional>
#include <memory>
#include <string>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace agenthost::host::net {

class Stream; // AsyncStream for boost::beast::websocket::stream<Stream> and http::async_read; implementation notes in stream_impl.hpp

} // namespace agenthost::host::net
