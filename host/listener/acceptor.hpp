// A bound and listening descriptor on an io_context.
#pragma once

#include "host/listener/server.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <sys/types.h>

namespace agenthost::host::listener {

struct Acceptor {
    Acceptor(asio::io_context& context, int fd)
        : io{context}, descriptor{context.get_executor(), fd}, timer{context}
    {}
    ~Acceptor() { remove_file(); }
    void remove_file(); // the socket file, if it is still ours

    asio::io_context& io;
    net::Core::Descriptor descriptor;
    asio::steady_timer timer;
    std::string path;
    dev_t device{};
    ino_t inode{};
};
using AcceptorPtr = std::shared_ptr<Acceptor>;

// Null and a sentence in `problem` when it cannot.
AcceptorPtr bind_tcp(asio::io_context&, const std::string& bind, std::string& address, std::string& problem);
AcceptorPtr bind_unix(asio::io_context&, const std::string& path, std::string& problem);

} // namespace agenthost::host::listener
