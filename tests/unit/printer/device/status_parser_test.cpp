#include "plugins/printer/device/status_parser.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace agenthost::printer;

namespace {

using Raw = std::vector<std::uint8_t>;

Raw response(const ProcessId& id)
{
    Raw raw{0x37, 0x22};
    raw.insert(raw.end(), id.begin(), id.end());
    raw.push_back(0);
    return raw;
}

Status asked(Question question, std::uint8_t answer)
{
    StatusParser parser;
    parser.asked(question);
    parser.feed(Raw{answer});
    EXPECT_EQ(parser.garbage(), 0u);
    return parser.status();
}

TEST(PrinterStatus, EachRealtimeAnswerIsReadAsItsQuestionSays)
{
    EXPECT_FALSE(asked(Question::realtime_printer, 0x12).holds());
    EXPECT_TRUE(asked(Question::realtime_printer, 0x1A).offline);
    EXPECT_EQ(asked(Question::realtime_printer, 0x16).drawer_pin_high, true);
    EXPECT_TRUE(asked(Question::realtime_offline, 0x16).cover_open);
    EXPECT_TRUE(asked(Question::realtime_offline, 0x32).paper_out);
    EXPECT_TRUE(asked(Question::realtime_offline, 0x52).error);
    EXPECT_TRUE(asked(Question::realtime_error, 0x1A).cutter);
    EXPECT_TRUE(asked(Question::realtime_error, 0x32).unrecoverable);
    EXPECT_TRUE(asked(Question::realtime_error, 0x52).error);
    EXPECT_TRUE(asked(Question::realtime_paper, 0x72).paper_out);
    EXPECT_TRUE(asked(Question::realtime_paper, 0x1E).paper_low);
    EXPECT_FALSE(asked(Question::realtime_paper, 0x1E).holds());
    EXPECT_TRUE(asked(Question::paper_sensor, 0x0C).paper_out);
    EXPECT_EQ(asked(Question::drawer_sensor, 0x01).drawer_pin_high, true);
}

TEST(PrinterStatus, AutomaticStatusNeedsNoQuestionAndSurvivesFlowControlInside)
{
    StatusParser parser;
    parser.feed(Raw{0x38, 0x13, 0x08, 0x0C, 0x11, 0x00});
    const Status& status = parser.status();
    EXPECT_TRUE(status.known && status.offline && status.cover_open && status.cutter && status.error &&
                status.paper_out);
    EXPECT_FALSE(status.buffer_full);
    EXPECT_EQ(reason(status), "the paper is out; the cover is open; the cutter is jammed");
    parser.feed(Raw{0x10, 0, 0, 0});
    EXPECT_FALSE(parser.status().holds());
    EXPECT_EQ(reason(parser.status()), "");
}

TEST(PrinterStatus, TwoQuestionsAboutPaperDoNotHideEachOther)
{
    StatusParser parser;
    parser.asked(Question::realtime_paper);
    parser.asked(Question::realtime_offline);
    parser.feed(Raw{0x72, 0x12});
    EXPECT_TRUE(parser.status().paper_out);
    parser.asked(Question::realtime_paper);
    parser.feed(Raw{0x12});
    EXPECT_FALSE(parser.status().paper_out);
}

TEST(PrinterStatus, AnAnswerWithoutItsQuestionChangesNothing)
{
    StatusParser parser;
    parser.feed(Raw{0x1A});
    parser.asked(Question::realtime_printer);
    parser.forget_questions();
    parser.feed(Raw{0x1A, 0x0C});
    EXPECT_EQ(parser.status(), Status{});
    EXPECT_EQ(parser.garbage(), 3u);
}

TEST(PrinterStatus, ConfirmationsAndTextsArriveInOrder)
{
    StatusParser parser;
    Raw raw = response(process_id(7));
    for (const char c : std::string{"_TM-T88V"}) raw.push_back(static_cast<std::uint8_t>(c));
    raw.push_back(0);
    const Raw second = response(process_id(8));
    raw.insert(raw.end(), second.begin(), second.end());
    raw.insert(raw.end(), {0x3B, 0x30, 0x00});
    parser.feed(raw);
    EXPECT_EQ(parser.take_confirmed(), (std::vector{process_id(7), process_id(8)}));
    EXPECT_EQ(parser.take_texts(), (std::vector<std::string>{"TM-T88V"}));
    EXPECT_TRUE(parser.status().powering_off && parser.status().holds());
    EXPECT_TRUE(parser.take_confirmed().empty());
    EXPECT_EQ(parser.garbage(), 0u);
}

TEST(PrinterStatus, GarbageBeforeAConfirmationDoesNotSwallowIt)
{
    const std::vector<Raw> before{{0x37},        {0x5F, 'a', 'b'},  {0x10, 0x00},
                                  {0xFF, 0x80},  {0x37, 0x22, 'A'}, {0x3B, 0x30},
                                  Raw(500, 0x5F)};
    for (const Raw& garbage : before) {
        StatusParser parser;
        Raw raw = garbage;
        const Raw good = response(process_id(12'345));
        raw.insert(raw.end(), good.begin(), good.end());
        parser.feed(raw);
        EXPECT_EQ(parser.take_confirmed(), std::vector{process_id(12'345)});
        EXPECT_EQ(parser.garbage(), garbage.size());
    }
}

TEST(PrinterStatus, WhatIsKeptIsBounded)
{
    StatusParser parser;
    for (std::uint64_t i = 0; i < 1'000; ++i) {
        parser.asked(Question::realtime_paper);
        parser.asked(Question::type_byte);
        parser.feed(response(process_id(i)));
        parser.feed(Raw{0x5F, 'x', 0});
    }
    EXPECT_EQ(parser.outstanding(), 2 * StatusParser::max_kept);
    const auto ids = parser.take_confirmed();
    EXPECT_EQ(ids.size(), StatusParser::max_kept);
    EXPECT_EQ(ids.back(), process_id(999));
    EXPECT_EQ(parser.take_texts().size(), StatusParser::max_kept);
}

TEST(PrinterStatus, CutsDoNotMatter)
{
    std::mt19937 random{3};
    const std::vector<std::uint8_t> likely{0x37, 0x22, 'A',  'A',  0,    0x12, 0x10,
                                           0x3B, 0x30, 0x5F, 0x11, 0x13, 0x00, 0x38};
    for (int round = 0; round < 2'000; ++round) {
        Raw raw(random() % 40);
        for (auto& c : raw)
            c = random() % 4 != 0 ? likely[random() % likely.size()] : static_cast<std::uint8_t>(random());
        StatusParser whole, cut;
        for (const Question question :
             {Question::realtime_offline, Question::realtime_paper, Question::drawer_sensor}) {
            whole.asked(question);
            cut.asked(question);
        }
        whole.feed(raw);
        for (std::size_t i = 0; i < raw.size();) {
            const std::size_t n = std::min<std::size_t>(1 + random() % 5, raw.size() - i);
            cut.feed(std::span{raw}.subspan(i, n));
            i += n;
        }
        ASSERT_EQ(whole.status(), cut.status());
        ASSERT_EQ(whole.garbage(), cut.garbage());
        ASSERT_EQ(whole.take_confirmed(), cut.take_confirmed());
        ASSERT_EQ(whole.take_texts(), cut.take_texts());
    }
}

TEST(PrinterStatus, IdsDifferForEverySequenceAndAreWhatThePrinterAccepts)
{
    EXPECT_EQ(to_string(process_id(std::uint64_t{0})), "    ");
    EXPECT_EQ(to_string(process_id(process_id_count - 1ULL)), "~~~~");
    EXPECT_EQ(process_id(std::uint64_t{process_id_count}), process_id(std::uint64_t{0}));
    EXPECT_NE(process_id(std::uint64_t{94}), process_id(std::uint64_t{95}));
    EXPECT_EQ(process_id(std::string_view{"ab c"}), (ProcessId{'a', 'b', ' ', 'c'}));
    EXPECT_FALSE(process_id(std::string_view{"abc"}));
    EXPECT_FALSE(process_id(std::string_view{"ab\nc"}));
    EXPECT_EQ(confirmation_request({'A', 'B', 'C', 'D'}),
              (Raw{0x1D, 0x28, 0x48, 6, 0, 48, 48, 'A', 'B', 'C', 'D'}));
}

} // namespace
