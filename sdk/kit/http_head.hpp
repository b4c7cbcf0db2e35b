// The head of an HTTP/1.1 response, parsed by Beast behind this header, and the head of a request, written. No I/O.
#pragma once

#include "url.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::kit {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t max_head = 32 * 1024; // bytes of a response's head

struct ResponseHead {
    int status = 0;
    bool chunked = false;
    std::optional<std::uint64_t> length; // Content-Length
    std::string location, etag, last_modified, date, content_range, content_encoding;
    std::size_t size = 0; // bytes of the text that the head took: the body begins there
};

enum class HeadResult { complete, more, bad };

// `text`: all that has come so far. 1xx answers are skipped. bad: `why` says what is wrong.
HeadResult parse_response_head(std::string_view text, ResponseHead& head, std::string& why);

// "bytes 100-199/200": first byte and the whole size ("*": absent). "bytes */200": first absent.
struct ContentRange {
    std::optional<std::uint64_t> first, total;
};
std::optional<ContentRange> parse_content_range(std::string_view);

// A header whose name or value could break out of its line is left out.
std::string request_head(std::string_view method, const Url&, const Headers&);

} // namespace agenthost::kit
