// Stands in for agenthost-runner and does one thing wrong. Which one: the name it is started under (a
// symbolic link), "bad-MODE".
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

void send(Channel& channel, Type type, std::uint64_t id, std::string_view body)
{
    channel.send(Channel::Kind::always, type, id, body);
}

std::string stream_piece(std::uint64_t offset, std::string_view data)
{
    return Writer{}.u32(1).u64(offset).text(data).str();
}

void unknown_type(Channel& channel, std::uint64_t id) { send(channel, static_cast<Type>(77), id, {}); }

void huge_frame(Channel&, std::uint64_t id)
{
    const Header huge{0xffffffffu, Type::complete, 0, id};
    send_raw(&huge, sizeof huge);
}

void half_frame(Channel&, std::uint64_t id)
{
    const Header half{1000, Type::complete, 0, id};
    send_raw(&half, sizeof half);
    std::_Exit(3);
}

void truncated_fields(Channel& channel, std::uint64_t id)
{
    send(channel, Type::complete, id, std::string_view{"\0\0\0\0\0\0", 6});
}

void long_length(Channel& channel, std::uint64_t id)
{
    send(channel, Type::progress, id, Writer{}.u64(UINT64_MAX).str());
}

void missing_fds(Channel&, std::uint64_t id)
{
    const Header claims{0, Type::complete, 3, id};
    send_raw(&claims, sizeof claims);
}

void two_answers(Channel& channel, std::uint64_t id)
{
    // The host is busy: this piece is held.
    send(channel, Type::stream, id, stream_piece(0, "x"));
    send(channel, Type::complete, id, reply_text(AGH_OK, "1"));
    send(channel, Type::complete, id, reply_text(AGH_OK, "2"));
}

void beyond_window(Channel& channel, std::uint64_t id)
{
    const std::string piece(100'000, 'x');
    for (std::uint64_t i = 0; i < 3; ++i)
        send(channel, Type::stream, id, stream_piece(i * piece.size(), piece));
}

void not_json(Channel& channel, std::uint64_t id)
{
    send(channel, Type::complete, id, reply_text(AGH_OK, "{no"));
}

// Messages about other plugins' requests and unknown operations, before the honest answer.
void strangers(Channel& channel, std::uint64_t id)
{
    send(channel, Type::complete, id + 1000, reply_text(AGH_OK, "\"stolen\""));
    send(channel, Type::progress, id + 1000, Writer{}.text(std::string_view{"{}"}).str());
    send(channel, Type::stream, id + 1000, stream_piece(0, "x"));
    Writer emit;
    emit.text(std::string_view{"t"}).text(std::string_view{});
    send(channel, Type::emit, id + 1000, emit.str() + reply_text(AGH_OK, "{}"));
    Writer call;
    call.u64(id + 1000).u64(0).text(std::string_view{"a.b"}).text(std::string_view{"{}"});
    send(channel, Type::call, 9, call.str());
    Writer done;
    put_error(done, AGH_OK, {});
    send(channel, Type::done, 4242, done.u32(0).str());
    send(channel, Type::drained, 0, {});
    send(channel, Type::complete, id, reply_text(AGH_OK, "\"own\""));
}

void pipe_as_file(Channel& channel, std::uint64_t id)
{
    int fds[2];
    if (::pipe(fds) != 0) std::_Exit(9);
    agh_blob blob{};
    blob.size = sizeof blob;
    blob.fd = fds[0];
    blob.length = 10;
    channel.send(Channel::Kind::always, Type::complete, id, reply_text(AGH_OK, "1", {blob}), {{fds[0]}});
}

// Descriptors without frames that claim them.
void many_fds(Channel&, std::uint64_t)
{
    std::vector<int> fds;
    for (int i = 0; i < 60; ++i) fds.push_back(::memfd_create("x", 0));
    for (int i = 0; i < 40; ++i) {
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
}

// Random messages in valid frames.
void random_messages(Channel& channel, unsigned seed)
{
    const auto next = [&] { return (seed = seed * 1664525u + 1013904223u) >> 16; };
    for (int i = 0; i < 300; ++i) {
        std::string body;
        for (unsigned n = next() % 60; n > 0; --n) body += static_cast<char>(next() % 3 == 0 ? next() : 0);
        const Type types[] = {Type::done,    Type::refused, Type::complete, Type::progress,
                              Type::stream,  Type::drained, Type::log,      Type::emit,
                              Type::publish, Type::define,  Type::record,   Type::call};
        channel.send(Channel::Kind::always, types[next() % 12], next() % 4, body);
    }
}

constexpr struct {
    std::string_view mode;
    void (*run)(Channel&, std::uint64_t id);
} faults[]{
    {"unknown-type", unknown_type}, {"huge-frame", huge_frame},
    {"half-frame", half_frame},     {"truncated-fields", truncated_fields},
    {"long-length", long_length},   {"missing-fds", missing_fds},
    {"two-answers", two_answers},   {"beyond-window", beyond_window},
    {"not-json", not_json},         {"strangers", strangers},
    {"pipe-as-file", pipe_as_file}, {"many-fds", many_fds},
};

// Answers the request `id` in the way that the mode says.
void misbehave(Channel& channel, std::string_view mode, std::uint64_t id)
{
    for (const auto& fault : faults)
        if (fault.mode == mode) return fault.run(channel, id);
    if (mode.starts_with("random"))
        random_messages(channel, static_cast<unsigned>(std::atoi(mode.substr(6).data())));
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
