// A connected socket, plain or with TLS directly on the descriptor, without a buffer between the kernel and
// the caller's memory.
#pragma once

#include "base/fd.hpp"
#include "net.hpp"
#include "tls.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace agenthost::netclient {

class Connection {
public:
    enum class Io { ok, again, eof, error }; // again: wait for wanted(); eof: the peer ended properly
    struct Done {
        Io io = Io::error;
        std::size_t bytes = 0;
    };

    explicit Connection(base::Fd socket) : socket_{std::move(socket)} {}
    Connection(Connection&&) = default;
    Connection& operator=(Connection&&) = default;
    ~Connection();

    // Starts TLS as a client of `host`; call handshake() next. False: out of memory.
    bool start_tls(TlsContextPtr, const std::string& host);
    Io handshake(); // TLS only: again until ok, which includes the server's pin
    // Whether the handshake failed because of the server's certificate or pin. Retrying is useless then.
    [[nodiscard]] bool certificate_refused() const { return certificate_refused_; }
    Done read(void* data, std::size_t size);
    Done write(const void* data, std::size_t size);
    // On: only full segments leave, so that records of 16 KiB share them. Off: what is left leaves now.
    void cork(bool on);
    // Sends from `file` at `offset` and advances it. Plain connections only: with TLS the bytes must be
    // encrypted here.
    Done send_file(int file, std::uint64_t& offset, std::size_t size);

    [[nodiscard]] bool tls() const { return ssl_ != nullptr; }
    [[nodiscard]] SSL* ssl() const { return ssl_.get(); } // null: plain
    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] short wanted() const { return wanted_; }            // poll events after `again`
    [[nodiscard]] const std::string& error() const { return error_; } // after `error`

private:
    Done fail(int rc); // TLS: what SSL_get_error says
    Done fail_errno(short wanted);

    base::Fd socket_;
    std::unique_ptr<SSL, FreeSsl> ssl_; // goes before the socket
    short wanted_ = 0;
    bool broken_ = false; // no close_notify on what failed
    bool certificate_refused_ = false;
    TlsContextPtr context_; // of ssl_
    std::string error_;
};

} // namespace agenthost::netclient
