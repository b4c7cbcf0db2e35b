// A fixture with both codecs of a protocol: what one end writes, the other reads.
#pragma once

#include "tests/unit/wire/environment.hpp"
#include "tests/unit/wire/messages.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

namespace agenthost::wire {

class BothEnds : public testing::Test {
protected:
    // The frame that an end writes.
    std::string agent_frame(const Json& meaning)
    {
        std::string frame;
        EXPECT_TRUE(write(*agent, Message{meaning}, frame)) << meaning;
        return frame;
    }
    std::string server_frame(const Json& meaning)
    {
        std::string frame;
        EXPECT_TRUE(write(*server, Message{meaning}, frame)) << meaning;
        return frame;
    }
    // What an end understands. `authenticating`: the agent waits for the answer to its hello.
    Json read_by_agent(std::string_view frame, bool authenticating = false)
    {
        return describe(agent->decode(frame, authenticating));
    }
    Json read_by_server(std::string_view frame) { return describe(server->decode(frame)); }
    // What the other end understands of what one writes, which is JSON.
    Json sent_to_agent(const Json& meaning)
    {
        const std::string frame = server_frame(meaning);
        EXPECT_TRUE(Json::accept(frame)) << frame;
        return read_by_agent(frame);
    }
    Json sent_to_server(const Json& meaning)
    {
        const std::string frame = agent_frame(meaning);
        EXPECT_TRUE(Json::accept(frame)) << frame;
        return read_by_server(frame);
    }

    TestEnvironment clock;
    std::unique_ptr<AgentCodec> agent;
    std::unique_ptr<ServerCodec> server;
};

} // namespace agenthost::wire
