// The agent's end of print: decoding in agent.cpp, encoding in agent_writer.cpp.
#pragma once

#include "announced.hpp"
#include "envelope.hpp"
#include "print.hpp"
#include "wire/json/fields.hpp"

#include <span>
#include <vector>

namespace agenthost::wire::print {

// Prefix of ids of tasks in the flat dialect, so that the answer uses it even after a restart. None of our
// other ids has it.
inline constexpr std::string_view flat = "flat:";
// Prefix of the id (with a uuid) for a task without one. Never sent.
inline constexpr std::string_view made = "~";
inline constexpr std::size_t uuid_size = 36;
inline bool is_made(std::string_view id)
{
    return id.starts_with(made) && (id == made || id.size() == made.size() + uuid_size);
}

class PrintAgent final : public AgentCodec {
public:
    explicit PrintAgent(AgentSetup setup) : environment_{std::move(setup.environment)} {}

    Opening opening(const Hello&) override;
    std::string hello(const Hello&) override;
    FromServer decode(std::string_view frame, bool authenticating) override;
    std::optional<FromServer> decode_binary(std::string_view frame) override;
    bool encode(const Result&, std::string& out) override;
    bool encode(const Progress&, std::string&) override { return false; }
    bool encode(const Stream&, std::string&) override { return false; }
    bool encode(const Event&, std::string& out) override;
    bool encode(const Heartbeat&, std::string& out) override;
    bool encode(const Metrics&, std::string&) override { return false; }
    bool encode(const Log&, std::string& out) override;
    [[nodiscard]] std::optional<milliseconds> heartbeat_interval() const override { return interval_; }
    [[nodiscard]] bool heartbeat_due() const override { return due_; }

private:
    struct Pending {
        std::string id;
        std::optional<milliseconds> interval;
    };

    FromServer flat_print(std::span<const json::Member>, FieldReader&);
    std::string_view params_of(std::string_view type, std::string_view id, std::span<const json::Member>);
    void expect(std::string_view id, std::string_view params);
    void settle(const Result&);
    bool foreign(std::string_view shop) const
    {
        return !shop.empty() && !agent_id_.empty() && shop != agent_id_;
    }
    static void write_error(base::JsonWriter&, const Result&);
    static bool encode_flat(const Result&, std::string& out);

    Environment environment_;
    std::string agent_id_;
    std::vector<Pending> pending_;
    AnnouncedBytes announced_;
    std::optional<milliseconds> interval_;
    std::int64_t config_push_at_ = 0;
    bool due_ = false;
    int strays_ = 0; // consecutive frames without an id
    Scratch scratch_;
    std::string made_id_, memory_, decimal_;
};

} // namespace agenthost::wire::print
