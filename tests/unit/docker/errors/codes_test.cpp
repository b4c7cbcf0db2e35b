#include "plugins/docker/errors/codes.hpp"

#include <gtest/gtest.h>

#include <set>

using namespace agenthost::docker;

namespace {

TEST(ErrorCodes, HasEveryCodeOfTheDocument)
{
    std::set<std::string_view> document;
    for (const CodeRow& row : code_table())
        if (row.of_document) document.insert(row.code);
    EXPECT_EQ(document,
              (std::set<std::string_view>{"AGENT_OFFLINE", "SERVER_NOT_FOUND", "CONTAINER_NOT_FOUND",
                                          "INSUFFICIENT_RESOURCES", "PERMISSION_DENIED", "DOCKER_ERROR",
                                          "CONFIG_INVALID", "PORT_CONFLICT", "AUTH_FAILED"}));
}

TEST(ErrorCodes, HasEveryCodeOfFileActions)
{
    for (const char* code :
         {"FILE_NOT_FOUND", "INVALID_REQUEST", "DENIED", "DISK_FULL", "DISK_ERROR", "INSUFFICIENT_RESOURCES",
          "TOO_LARGE", "BUSY", "CANCELLED", "TIMEOUT", "INTERRUPTED", "INTERNAL"})
        EXPECT_FALSE(remedy_of(code).empty()) << code;
}

TEST(ErrorCodes, EachIsListedOnceWithAMeaningAndARemedyThatIsASentence)
{
    std::set<std::string_view> seen;
    for (const CodeRow& row : code_table()) {
        EXPECT_TRUE(seen.insert(row.code).second) << row.code;
        EXPECT_FALSE(row.meaning.empty()) << row.code;
        EXPECT_FALSE(row.meaning.ends_with('.')) << row.code;
        ASSERT_FALSE(row.remedy.empty()) << row.code;
        EXPECT_TRUE(row.remedy.ends_with('.')) << row.code;
        EXPECT_EQ(remedy_of(row.code), row.remedy);
    }
}

TEST(ErrorCodes, AProblemEndsWithTheRemedy)
{
    EXPECT_EQ(problem(code::port_conflict, "host port 1 is held by server a"),
              (Problem{"PORT_CONFLICT", "host port 1 is held by server a. Choose another host port, or stop "
                                        "what holds it."}));
    EXPECT_EQ(remedy_of("NO_SUCH_CODE"), "");
}

} // namespace
