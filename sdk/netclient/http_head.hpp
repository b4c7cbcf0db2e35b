// Parses the head of an HTTP/1.1 response and writes the head of a request. No I/O.
//
// How it follows RFC 9112 and 9110 (http_client.hpp has the rules for bodies and redirects); each rule is a
// test of http_client_test.cpp, against a scripted server, or of http_head_test.cpp:
// - interim responses (100, 102, 103, any 1xx; 9110 15.2): skipped, also during a body, split anywhere; more
//   than max_interim are rejected
// - 101 without a request for it (9110 15.2.2): rejected; accepted where it is expected
// - a status line without a reason, or without the space before it (4): accepted; versions other than
//   HTTP/1.x are rejected
// - empty lines before the status line (2.2): two are skipped
// - lines that end in LF alone (2.2): accepted
// - obs-fold (5.2): one space; white space before the first field is rejected
// - white space before the colon, invalid field names, CR or NUL in a value (5, 9110 5.5): rejected
// - a head of more than max_head bytes (9110 5.4): rejected
// - repeated or listed Content-Length (9110 8.6): equal values count once, different values are rejected
// - Content-Length with Transfer-Encoding; Transfer-Encoding in HTTP/1.0 (6.1, 6.3): rejected
// - a transfer coding other than `chunked`; `chunked` twice (6.1, 7): rejected, none was requested
// - 204, 205, 304 (6.3): no body, whatever the fields say
// - two different Location fields (9110 5.3): rejected
#pragma once

#include "url.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::netclient {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Bytes of a response's head; the limit holds for each interim answer too.
constexpr std::size_t max_head = 32 * 1024;
// Interim answers (1xx) before the final one: one every 10 s for hours.
constexpr int max_interim = 1000;

struct ResponseHead {
    int status = 0;
    bool chunked = false;
    // Content-Length; 0 where the status allows no body (204, 205, 304).
    std::optional<std::uint64_t> length;
    // All fields by lower-case name; the values of a repeated field are joined by ", ".
    std::map<std::string, std::string, std::less<>> fields;
    // Bytes of the text that the head took. The body, or after 101 the other protocol, begins there.
    std::size_t size = 0;

    // The value of a field, named in lower case: header("etag"). Empty when it is absent. Lives as long as
    // this head.
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

// bad: not HTTP, or truncated; a retry may help. unsupported: well-formed, but not what was requested; a
// retry will not help.
enum class HeadResult { complete, more, bad, unsupported };

// How to treat 101 (Switching Protocols): as an error, or as the final response to a request that sent
// `Upgrade`.
enum class Switching { refused, expected };

// `text`: everything received so far. Interim answers (1xx) are skipped while they fit in max_head;
// skip_interim() removes longer runs of them. bad, unsupported: `why` says what is wrong.
HeadResult parse_response_head(std::string_view text, ResponseHead& head, std::string& why,
                               Switching = Switching::refused);

// The size of a head that begins `text`, its empty line included; npos: it is incomplete.
std::size_t end_of_head(std::string_view text);

// Bytes of complete interim answers at the start of `text`, 101 not among them; `count` grows by their
// number.
std::size_t skip_interim(std::string_view text, int& count);

// The content coding that was applied to the body, in lower case; empty: none.
std::string content_coding(const ResponseHead&);

// "bytes 100-199/200": first byte and the whole size ("*": absent). "bytes */200": first absent.
struct ContentRange {
    std::optional<std::uint64_t> first, total;
};
std::optional<ContentRange> parse_content_range(std::string_view);

// A header whose name or value could break out of its line is omitted. `Connection: close` is sent unless the
// headers contain Connection (an upgrade sends `Connection: Upgrade`).
std::string request_head(std::string_view method, std::string_view host, std::string_view target,
                         const Headers&);
std::string request_head(std::string_view method, const Url&, const Headers&);

} // namespace agenthost::netclient
