#include "tcp_link.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace agenthost::printer::network {

namespace {

using boost::asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::size_t read_bytes = 512;
constexpr std::size_t may_be_unacknowledged = 4'096;
constexpr std::chrono::milliseconds acknowledgement_poll{10};

void set(int fd, int level, int name, int value)
{
    (void)::setsockopt(fd, level, name, &value, sizeof value);
}

// Notices a dead printer within half a minute even if nothing is sent.
void prepare(tcp::socket& socket)
{
    constexpr int idle = 15, interval = 5, count = 3;
    const int fd = socket.native_handle();
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    Error ignored;
    socket.non_blocking(true, ignored);
}

// Shared with its handlers. When the link is destroyed, the socket is closed and no callback runs any more.
class Channel : public std::enable_shared_from_this<Channel> {
public:
    Channel(tcp::socket socket, const Model& model, std::chrono::milliseconds finish)
        : socket_{std::move(socket)}, no_progress_{model.no_progress},
          finish_time_{finish}, timer_{socket_.get_executor()}, poll_{socket_.get_executor()}
    {
        prepare(socket_);
    }

    void write(Bytes bytes, std::function<void(Written)> done)
    {
        // The kernel already has the first of these bytes; they were not reported as taken.
        const std::size_t ahead = std::min(std::exchange(ahead_, 0), bytes.size());
        left_ = bytes.subspan(ahead);
        handed_ = ahead;
        write_done_ = std::move(done);
        if (dead_) return end_write(Fault::gone, why_);
        outstanding_ = unsent();
        watch_progress();
        if (left_.empty()) return await_acknowledgement();
        send_later();
    }
    void cancel_write()
    {
        if (write_done_) end_write(Fault::cancelled, {});
    }
    void finish(std::function<void(bool)> done)
    {
        finish_done_ = std::move(done);
        if (dead_) return end_finish(false);
        Error error;
        socket_.shutdown(tcp::socket::shutdown_send, error);
        if (error) return end_finish(false);
        outstanding_ = unsent();
        await_end();
        read_on();
    }
    void read(std::function<void(Bytes)> handler)
    {
        reader_ = std::move(handler);
        read_on();
    }
    void stop_reading() { reader_ = nullptr; }
    void on_gone(std::function<void(std::string)> handler)
    {
        gone_ = std::move(handler);
        if (dead_) tell_gone();
    }
    template <class Value> void answer(std::function<void(Value)> done, Value value)
    {
        later([done = std::move(done), value] { done(value); });
    }
    void close()
    {
        closed_ = true;
        reader_ = nullptr;
        gone_ = nullptr;
        write_done_ = nullptr;
        finish_done_ = nullptr;
        timer_.cancel();
        poll_.cancel();
        Error ignored;
        socket_.close(ignored);
    }

private:
    template <class F> void later(F call)
    {
        boost::asio::post(socket_.get_executor(),
                          [self = shared_from_this(), call = std::move(call)]() mutable {
                              if (!self->closed_) call();
                          });
    }
    void await_end()
    {
        start_timer(timer_, finish_time_, [this] {
            const std::size_t now = unsent();
            if (now == 0 || now >= outstanding_) return end_finish(now == 0);
            outstanding_ = now;
            await_end();
        });
    }
    template <class F>
    void start_timer(boost::asio::steady_timer& timer, std::chrono::milliseconds time, F call)
    {
        timer.expires_after(time);
        timer.async_wait([self = shared_from_this(), call](const Error& error) {
            if (!error && !self->closed_) call();
        });
    }
    // Limits the time in which no byte is accepted or acknowledged, not the time of the whole write.
    void watch_progress()
    {
        start_timer(timer_, no_progress_, [this] {
            if (!write_done_) return;
            const std::size_t now = unsent();
            if (now < outstanding_) {
                outstanding_ = now;
                return watch_progress();
            }
            end_write(Fault::no_progress, "the printer takes no data");
        });
    }
    void send_later()
    {
        socket_.async_wait(tcp::socket::wait_write,
                           [self = shared_from_this(), turn = turn_](const Error& error) {
                               if (!self->closed_ && self->write_done_ && turn == self->turn_)
                                   self->send(error);
                           });
    }
    void send(const Error& error)
    {
        if (error) return die(error.message());
        const ssize_t sent = ::send(socket_.native_handle(), left_.data(), left_.size(), MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return send_later();
            return die(std::strerror(errno));
        }
        handed_ += static_cast<std::size_t>(sent);
        left_ = left_.subspan(static_cast<std::size_t>(sent));
        watch_progress();
        outstanding_ = unsent();
        if (left_.empty()) return await_acknowledgement();
        send_later();
    }
    // The kernel can hold the whole job of a slow printer, so bytes count only once they are acknowledged.
    // finish() waits for the last ones, because acknowledgements of small pieces are delayed.
    void await_acknowledgement()
    {
        if (unsent() <= may_be_unacknowledged) return end_write(Fault::none, {});
        start_timer(poll_, acknowledgement_poll, [this, turn = turn_] {
            if (write_done_ && turn == turn_) await_acknowledgement();
        });
    }
    void end_write(Fault fault, std::string detail)
    {
        ++turn_;
        timer_.cancel();
        poll_.cancel();
        // Without progress: what the printer has acknowledged. Otherwise: the most that it can have.
        ahead_ = fault == Fault::no_progress ? std::min(handed_, unsent()) : 0;
        later([done = std::exchange(write_done_, nullptr),
               result = Written{handed_ - ahead_, fault, std::move(detail)}] { done(result); });
    }
    void read_on()
    {
        if (reading_ || dead_ || (!reader_ && !finish_done_)) return;
        reading_ = true;
        socket_.async_read_some(boost::asio::buffer(buffer_),
                                [self = shared_from_this()](const Error& error, std::size_t size) {
                                    self->reading_ = false;
                                    if (!self->closed_) self->came(error, size);
                                });
    }
    void came(const Error& error, std::size_t size)
    {
        // The handler may end the link, and itself with it.
        if (const auto reader = reader_; size > 0 && reader) reader(Bytes{buffer_.data(), size});
        if (closed_) return;
        if (!error) return read_on();
        if (error == boost::asio::error::eof && finish_done_) return end_finish(true);
        die(error == boost::asio::error::eof ? "the printer closed the connection" : error.message());
    }
    void die(std::string why)
    {
        dead_ = true;
        why_ = std::move(why);
        if (write_done_) return end_write(Fault::gone, why_);
        if (finish_done_) return end_finish(false);
        tell_gone();
    }
    void tell_gone()
    {
        if (!gone_) return;
        later([this, handler = std::exchange(gone_, nullptr)] { handler(why_); });
    }
    void end_finish(bool clean)
    {
        timer_.cancel();
        later([done = std::exchange(finish_done_, nullptr), clean] { done(clean); });
    }
    // Bytes that the printer has not acknowledged, including the FIN.
    std::size_t unsent()
    {
        int bytes = 1;
        const bool told = ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) == 0 && bytes >= 0;
        return told ? static_cast<std::size_t>(bytes) : 1;
    }

    tcp::socket socket_;
    const std::chrono::milliseconds no_progress_, finish_time_;
    boost::asio::steady_timer timer_, poll_;
    std::array<std::uint8_t, read_bytes> buffer_{};
    bool reading_ = false, dead_ = false, closed_ = false;
    std::string why_;
    Bytes left_;
    std::size_t handed_ = 0;      // of this write, to the kernel
    std::size_t ahead_ = 0;       // given to the kernel by an earlier write, and not reported as taken
    std::size_t outstanding_ = 0; // at the last check
    unsigned turn_ = 0;
    std::function<void(Written)> write_done_;
    std::function<void(bool)> finish_done_;
    std::function<void(Bytes)> reader_;
    std::function<void(std::string)> gone_;
};

class TcpLink final : public Link {
public:
    explicit TcpLink(std::shared_ptr<Channel> channel) : channel_{std::move(channel)} {}
    ~TcpLink() override { channel_->close(); }
    TcpLink(const TcpLink&) = delete;
    TcpLink& operator=(const TcpLink&) = delete;

    void write(Bytes bytes, std::function<void(Written)> done) override
    {
        channel_->write(bytes, std::move(done));
    }
    void cancel_write() override { channel_->cancel_write(); }
    // A TCP connection does not stall.
    void recover(std::function<void(bool)> done) override { channel_->answer(std::move(done), false); }
    void finish(std::function<void(bool)> done) override { channel_->finish(std::move(done)); }
    [[nodiscard]] bool can_read() const override { return true; }
    void read(std::function<void(Bytes)> handler) override { channel_->read(std::move(handler)); }
    void stop_reading() override { channel_->stop_reading(); }
    void on_gone(std::function<void(std::string)> handler) override { channel_->on_gone(std::move(handler)); }
    void port_status(std::function<void(std::optional<std::uint8_t>)> done) override
    {
        channel_->answer(std::move(done), std::optional<std::uint8_t>{});
    }

private:
    std::shared_ptr<Channel> channel_;
};

} // namespace

std::unique_ptr<Link> make_tcp_link(tcp::socket socket, const Model& model, std::chrono::milliseconds finish)
{
    return std::make_unique<TcpLink>(std::make_shared<Channel>(std::move(socket), model, finish));
}

} // namespace agenthost::printer::network
