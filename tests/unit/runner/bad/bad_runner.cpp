// Stands in for agenthost-runner and does one thing wrong. Which one: the name it is started under (a symbolic link), "bad-MODE".
#include "host/runner/channel.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cstdlib>

using namespace agenthost::host::runner;

namespace {

void send_raw(const void* data, std::size_t size) { (void)!::write(3, data, size); }

void answer_create(Channel& channel, std::uint64_t id)
{
    Writer out;
    put_error(out, AGH_OK, {});
    channel.send(Channel::Kind::always, Type::done, id, out.u32(has_health | has_drain).str());
}

std::string reply_text(agh_status status, std::string_view json, std::vector<agh_blob> blobs = {})
{
    Writer out;
    std::vector<int> fds;
    put_reply(out, agenthost::detail::make_reply(status, 0, json, blobs), fds);
    return out.str();
}

void misbehave(Channel& channel, std::string_view mode, std::uint64_t id)
{
    Writer out;
    const Header huge{0xffffffffu, Type::complete, 0, id};
    if (mode == "unknown-type")
        channel.send(Channel::Kind::always, static_cast<Type>(77), id, {});
    else if (mode == "huge-frame")
        send_raw(&huge, sizeof huge);
    else if (mode == "half-frame") {
        const Header half{1000, Type::complete, 0, id};
        send_raw(&half, sizeof half);
        std::_Exit(3);
    } else if (mode == "truncated-fields")
        channel.send(Channel::Kind::always, Type::complete, id, std::string_view{"\0\0\0\0\0\0", 6});
    else if (mode == "long-length")
        channel.send(Channel::Kind::always, Type::progress, id, out.u64(UINT64_MAX).str());
    else if (mode == "missing-fds") {
        const Header claims{0, Type::complete, 3, id};
        send_raw(&claims, sizeof claims);
    } else if (mode == "two-answers") {
        channel.send(Channel::Kind::always, Type::stream, id,
                     Writer{}.u32(1).u64(0).text(std::string_view{"x"}).str()); // the host is busy: held
        channel.send(Channel::Kind::always, Type::complete, id, reply_text(AGH_OK, "1"));
        channel.send(Channel::Kind::always, Type::complete, id, reply_text(AGH_OK, "2"));
    } else if (mode == "beyond-window") {
        const std::string piece(100'000, 'x');
        for (int i = 0; i < 3; ++i) {
            channel.send(Channel::Kind::always, Type::stream, id,
                         Writer{}.u32(1).u64(i * piece.size()).text(piece).str());
        }
    } else if (mode == "not-json")
        channel.send(Channel::Kind::always, Type::complete, id, reply_text(AGH_OK, "{no"));
    else if (mode == "strangers") { // other plugins' requests, unknown operations, before the honest answer
        channel.send(Channel::Kind::always, Type::complete, id + 1000, reply_text(AGH_OK, "\"stolen\""));
        channel.send(Channel::Kind::always, Type::progress, id + 1000,
                     Writer{}.text(std::string_view{"{}"}).str());
        channel.send(Channel::Kind::always, Type::stream, id + 1000,
                     Writer{}.u32(1).u64(0).text(std::string_view{"x"}).str());
        Writer emit;
        emit.text(std::string_view{"t"}).text(std::string_view{});
        channel.send(Channel::Kind::always, Type::emit, id + 1000, emit.str() + reply_text(AGH_OK, "{}"));
        Writer call;
        call.u64(id + 1000).u64(0).text(std::string_view{"a.b"}).text(std::string_view{"{}"});
        channel.send(Channel::Kind::always, Type::call, 9, call.str());
        Writer done;
        put_error(done, AGH_OK, {});
        channel.send(Channel::Kind::always, Type::done, 4242, done.u32(0).str());
        channel.send(Channel::Kind::always, Type::drained, 0, {});
        channel.send(Channel::Kind::always, Type::complete, id, reply_text(AGH_OK, "\"own\""));
    } else if (mode == "pipe-as-file") {
        int fds[2];
        if (::pipe(fds) != 0) std::_Exit(9);
        agh_blob blob{};
        blob.size = sizeof blob;
        blob.fd = fds[0];
        blob.length = 10;
        channel.send(Channel::Kind::always, Type::complete, id, reply_text(AGH_OK, "1", {blob}), {{fds[0]}});
    } else if (mode == "many-fds") {
        std::vector<int> fds;
        for (int i = 0; i < 60; ++i) fds.push_back(::memfd_create("x", 0));
        const std::string none;
        for (int i = 0; i < 40; ++i) { // descriptors without frames that claim them
            char byte = 0;
            iovec part{&byte, 1};
            alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 60)] = {};
            msghdr message{};
            message.msg_iov = &part, message.msg_iovlen = 1;
            message.msg_control = control, message.msg_controllen = sizeof control;
            cmsghdr* const a = CMSG_FIRSTHDR(&message);
            a->cmsg_level = SOL_SOCKET, a->cmsg_type = SCM_RIGHTS, a->cmsg_len = CMSG_LEN(sizeof(int) * 60);
            std::memcpy(CMSG_DATA(a), fds.data(), sizeof(int) * 60);
            if (::sendmsg(3, &message, MSG_NOSIGNAL) < 0) break;
        }
    } else if (mode.starts_with("random")) {
        unsigned seed = static_cast<unsigned>(std::atoi(mode.substr(6).data()));
        const auto next = [&] { return (seed = seed * 1664525u + 1013904223u) >> 16; };
        for (int i = 0; i < 300; ++i) { // well-framed nonsense
            std::string body;
            for (unsigned n = next() % 60; n > 0; --n)
                body += static_cast<char>(next() % 3 == 0 ? next() : 0);
            const Type types[] = {Type::done,    Type::refused, Type::complete, Type::progress,
                                  Type::stream,  Type::drained, Type::log,      Type::emit,
                                  Type::publish, Type::define,  Type::record,   Type::call};
            channel.send(Channel::Kind::always, types[next() % 12], next() % 4, body);
        }
    }
}

} // namespace

int main(int, char** argv)
{
    const std::string name = argv[0];
    const std::string mode = name.substr(name.find("bad-") + 4);
    Channel channel{agenthost::base::Fd{3}};
    Frame frame;
    for (;;) {
        pollfd readable{3, POLLIN, 0};
        ::poll(&readable, 1, -1);
        Channel::Got got{};
        if (mode == "deaf" && frame.header.type == Type::create) ::pause();
        while ((got = channel.next(frame)) == Channel::Got::frame) {
            if (frame.header.type == Type::create) {
                if (mode == "mute") ::pause();
                if (mode == "exits") return 7;
                answer_create(channel, frame.header.id);
                if (mode == "deaf") break;
            } else if (frame.header.type == Type::invoke)
                misbehave(channel, mode, frame.header.id);
            else if (frame.header.type == Type::destroy || frame.header.type == Type::start ||
                     frame.header.type == Type::drain) {
                answer_create(channel, frame.header.id);
            }
        }
        if (got == Channel::Got::closed || got == Channel::Got::garbage) return 0;
        channel.flush();
    }
}
