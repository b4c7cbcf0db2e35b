// Sends an answer that arrives in pieces, chunked or of a known length. See Sender for thread and owner.
// Private to host/listener.
#pragma once

#include "host/listener/sender.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host::listener {

class PieceSender final : public Sender {
public:
    enum class Coding { none, chunked };

    // `length`: of all pieces, if known. `head_only`: pieces may be left out; those that are added are counted
    // but not sent.
    PieceSender(const ConnectionContext& context, Coding coding, std::optional<std::uint64_t> length,
                bool head_only, AnswerOwner& owner)
        : Sender{context, owner}, coding_{coding}, left_{length}, head_only_{head_only}
    {}

    void begin(std::string head);
    void add(std::string_view piece);
    void end();
    [[nodiscard]] bool empty() const { return backlog_.empty(); }

private:
    void pump() override;

    const Coding coding_;
    std::optional<std::uint64_t> left_;
    // Bytes that are not yet in the cork, and how many of its bytes are.
    std::string backlog_;
    std::size_t sent_bytes_ = 0;
    // The plugin's bytes in the backlog, without heads of chunks.
    std::size_t piece_bytes_ = 0;
    const bool head_only_;
    bool ending_ = false;
};

} // namespace agenthost::host::listener
