// `agenthost hub print`: orders, tables, sentences and exit codes.
#include "plugins/hub/cli/print_words.hpp"
#include "plugins/hub/cli/server_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

using namespace agenthost::hub::cli;
using nlohmann::json;
using ::testing::HasSubstr;

namespace {

TEST(PrintWords, TextIsPrintedAsTextAndOtherBytesAreNot)
{
    Arguments args;
    EXPECT_EQ(print_order(args, "Br\xc3\xb6tchen\r\n\t2"), (json{{"text", "Br\xc3\xb6tchen\r\n\t2"}}));
    EXPECT_EQ(print_order(args, "\x1b@\n"), (json{{"data", "G0AK"}})) << "a control character";
    EXPECT_EQ(print_order(args, "Br\xf6"), (json{{"data", "QnL2"}})) << "not UTF-8";
    args.printer = "Kitchen";
    args.name = "table 4";
    args.charset = "windows-1252";
    EXPECT_EQ(
        print_order(args, "Br\xf6"),
        (json{{"data", "QnL2"}, {"charset", "windows-1252"}, {"printer", "Kitchen"}, {"name", "table 4"}}));
    args.raw = true;
    EXPECT_THROW(print_order(args, "a"), Usage);
    args.charset.clear();
    EXPECT_EQ(print_order(args, "abc")["data"], "YWJj");
    EXPECT_THROW(print_order(args, ""), Usage);
}

int never(const Arguments&) { return 99; }

std::string refusal(const PrintVerb& verb, const Arguments& args)
{
    try {
        check_print_words(verb, args);
    } catch (const Usage& e) {
        return e.what();
    }
    return {};
}

TEST(PrintWords, RefusesWordsAndOptionsThatTheVerbDoesNotHave)
{
    const std::array<PrintVerb, 2> verbs{
        {{"text", "SHOP TEXT [--printer P]", 2, 2, &never}, {"reprint", "TASK [--key K]", 1, 1, &never}}};
    Arguments args;
    args.words = {"print", "reprint", "req_1"};
    EXPECT_EQ(print_verb(verbs, args).name, "reprint");
    EXPECT_EQ(refusal(verbs[1], args), "");
    args.printer = "Bar";
    EXPECT_EQ(refusal(verbs[1], args), "print reprint has no option --printer")
        << "a copy comes from the printer of the first print";
    EXPECT_EQ(refusal(verbs[0], args), "a word is missing");
    args.words = {"print", "text", "kitchen", "two", "words"};
    EXPECT_EQ(refusal(verbs[0], args), "unexpected word \"words\"; quote a text that has blanks");
    for (const char* given : {"", "burn"}) {
        args.words = {"print", given};
        try {
            (void)print_verb(verbs, args);
            ADD_FAILURE() << given;
        } catch (const Usage& e) {
            EXPECT_NE(std::string{e.what()}.find("there are text, reprint"), std::string::npos) << e.what();
        }
    }
}

TEST(PrintWords, TheTableHasEveryPrinterAndTheShopsWithoutOne)
{
    const json shops = json::parse(R"([
        {"shopId":"bar","status":"offline","heartbeat":null},
        {"shopId":"kitchen","status":"online","heartbeat":{"devices":[
            {"vendorId":4070,"productId":33054,"alias":"Kitchen","role":"food","isDefault":true,"lastTest":{"status":"success"},"lastError":{"code":"PAPER_OUT"}},
            {"ip":"fd00::9","port":9100,"alias":"B\u001b[31mar"}, 7]}},
        {"shopId":"odd","status":"online","heartbeat":{"devices":{}}}])");
    const std::string shown = table(printer_rows(shops));
    EXPECT_THAT(shown, HasSubstr("bar      offline  -"));
    EXPECT_THAT(shown, HasSubstr("kitchen  online   Kitchen"));
    EXPECT_THAT(shown, HasSubstr("0fe6:811e       food  yes      success    PAPER_OUT"));
    EXPECT_THAT(shown, HasSubstr("[fd00::9]:9100"));
    EXPECT_THAT(shown, HasSubstr("odd      online   -"));
    EXPECT_EQ(shown.find('\x1b'), std::string::npos);
}

TEST(PrintWords, TheOutcomeIsTheExitCode)
{
    const auto task = [](const char* status, const char* outcome) {
        json t{{"id", "req_1"}, {"status", status}, {"created", 0}};
        if (outcome != nullptr) t["outcome"] = outcome;
        return t;
    };
    EXPECT_EQ(task_exit_code(task("success", "printed")), 0);
    EXPECT_EQ(task_exit_code(task("success", "sent")), 0);
    EXPECT_EQ(task_exit_code(task("success", nullptr)), 0);
    EXPECT_EQ(task_exit_code(task("error", "failed")), 1);
    EXPECT_EQ(task_exit_code(task("failed", "unknown")), 3);
    EXPECT_EQ(task_exit_code(task("dispatched", nullptr)), 124);
    EXPECT_EQ(task_sentence(task("success", "printed")), "req_1: printed");
    EXPECT_EQ(task_sentence(task("pending", nullptr)), "req_1: pending");
    EXPECT_THAT(task_sentence(task("error", "unknown")), HasSubstr("agenthost hub print reprint req_1"));
    json late = task("dispatched", nullptr);
    late["warning"] = true;
    EXPECT_EQ(task_rows(json::array({late}))[1][3], "dispatched (late)");
}

} // namespace
