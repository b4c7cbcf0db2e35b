// Where bodies come from and go to: two 256 KiB halves, one with the socket, one with the disk. Private to connections.
#pragma once

#include "base/fd.hpp"
#include "base/hash.hpp"
#include "netclient/chunked.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace agenthost::host::listener {

constexpr std::size_t half_bytes = 256 * 1024;
constexpr std::uint64_t most_in_memory = 1 << 20; // receive() with fd -1

struct Half {
    std::unique_ptr<char[]> data; // not cleared; pages never written cost nothing
    std::size_t size = 0, capacity = 0;
    void reserve(std::size_t n)
    {
        if (capacity >= n) return;
        data.reset(new char[n]);
        capacity = n;
    }
};

// A request's body on its way in.
struct Receiving {
    int fd = -1; // the plugin's
    std::uint64_t offset = 0, max = 0;
    std::optional<std::uint64_t> left; // fixed length: still to come; absent: chunked
    netclient::ChunkedDecoder decoder{netclient::ChunkedDecoder::Of::request};
    std::uint64_t got = 0, landed = 0; // landed: of it written to fd
    base::Sha256 sha;
    std::string memory; // fd -1
    Half filling, writing;
    bool busy = false; // the pool has `writing`
    int disk_error = 0;
    bool ended = false;
    int end_status = 0; // agh_status, once ended
};

// An answer's body on its way out.
struct Sending {
    std::string text; // inline: head and body, or what is left of them
    std::size_t text_sent = 0;
    base::Fd fd;
    std::uint64_t offset = 0, left = 0;
    Half now, next; // TLS only
    std::size_t now_sent = 0;
    bool busy = false;   // the pool reads or sends
    bool failed = false; // the file is shorter than it was said to be, or broken
};

} // namespace agenthost::host::listener
