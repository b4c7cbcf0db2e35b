// The text of the refusal that a call throws; "accepted" when it throws nothing.
#pragma once

#include <agenthost/error.hpp>

#include <gtest/gtest.h>

#include <string>

namespace agenthost::docker_test {

template <class Call> std::string refusal(Call&& call)
{
    try {
        call();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), "CONFIG_INVALID");
        return error.what();
    }
    return "accepted";
}

} // namespace agenthost::docker_test
