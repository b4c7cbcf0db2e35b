#include "plugins/printer/errors/codes.hpp"

#include <gtest/gtest.h>

#include <set>

using namespace agenthost::printer;

namespace {

TEST(PrinterErrorCodes, EachIsListedOnceWithAMeaningAndARemedyThatIsASentence)
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

TEST(PrinterErrorCodes, AProblemEndsWithTheRemedy)
{
    EXPECT_EQ(problem(code::queue_full, "Kitchen has 1000 jobs"),
              (Problem{"QUEUE_FULL", "Kitchen has 1000 jobs. Wait until jobs are printed, or cancel some; "
                                     "printer.queue lists them."}));
    EXPECT_EQ(
        problem(code::queue_full, "full; did you mean \"Bar\"?").message,
        "full; did you mean \"Bar\"? Wait until jobs are printed, or cancel some; printer.queue lists them.");
    EXPECT_EQ(remedy_of("NO_SUCH_CODE"), "");
}

} // namespace
