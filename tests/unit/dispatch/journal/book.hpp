// A journal and its loop.
#pragma once

#include "tests/unit/dispatch/fixture.hpp"

namespace agenthost::host::testing {

using Begin = Journal::Begin;
using wire::Outcome;

inline Digest digest(unsigned char of = 1)
{
    Digest d{};
    d[0] = of;
    return d;
}

inline wire::Result success(std::string_view data = R"({"ok":1})")
{
    return {.id = "id", .outcome = Outcome::success, .data = data, .error = {}, .action = "write"};
}

// Every call waited for.
struct Book {
    explicit Book(Journal::Options o) : journal{io.get_executor(), std::move(o)} {}
    boost::asio::io_context io;
    Journal journal;

    template <class Done> void wait(Done& done)
    {
        EXPECT_TRUE(wait_for([&] {
            io.restart();
            io.poll();
            return done.has_value();
        }));
    }
    Journal::Begun begin(std::string_view id, const Digest& d = digest(), std::string_view caller = "server")
    {
        std::optional<Journal::Begun> begun;
        journal.begin(caller, id, d, "write", [&](Journal::Begun b) { begun = std::move(b); });
        wait(begun);
        return *begun;
    }
    std::optional<std::uint64_t> finish(std::uint64_t row, const agenthost::wire::Result& r = success())
    {
        std::optional<std::pair<bool, std::uint64_t>> done;
        journal.finish(row, r, [&](bool ok, std::uint64_t sequence) { done = {ok, sequence}; });
        wait(done);
        return done->first ? std::optional{done->second} : std::nullopt;
    }
    std::uint64_t rerun(std::uint64_t row)
    {
        std::optional<std::uint64_t> done;
        journal.rerun(row, [&](std::uint64_t new_row) { done = new_row; });
        wait(done);
        return *done;
    }
    std::vector<Journal::Undelivered> undelivered(std::uint64_t after = 0, std::size_t most = 64,
                                                  std::string_view caller = "server")
    {
        std::optional<std::vector<Journal::Undelivered>> page;
        journal.undelivered(caller, after, most,
                            [&](std::vector<Journal::Undelivered> p) { page = std::move(p); });
        wait(page);
        return *page;
    }
    std::uint64_t done(std::string_view id) // begun and finished
    {
        const auto row = begin(id).row;
        finish(row);
        return row;
    }
};

struct JournalTest : ::testing::Test {
    TempDir dir;
    std::chrono::system_clock::time_point now{std::chrono::hours{500'000}};
    Journal::Options options{.file = dir / "journal.db", .clock = [this] { return now; }};
};

} // namespace agenthost::host::testing
