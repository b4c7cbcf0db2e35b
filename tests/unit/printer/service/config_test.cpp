#include "plugins/printer/service/config.hpp"
#include "plugins/printer/service/order.hpp"

#include <gtest/gtest.h>

namespace agenthost::printer::service {
namespace {

using Json = nlohmann::json;

std::string refused(const char* json)
{
    try {
        (void)parse_config(json);
    } catch (const std::exception& e) {
        return e.what();
    }
    return {};
}

TEST(PrinterConfig, ReadsDevices)
{
    const Config config = parse_config(R"({"devices":[
        {"alias":"Kitchen","role":"food","vendor_id":"0x04b8","product_id":3605,"default":true},
        {"alias":"Bar","address":"192.168.1.50","overrides":{"columns":42}}],
        "allow_addresses":["10.0.0.0/8"],"max_job_bytes":"1MiB"})");
    ASSERT_EQ(config.devices.size(), 2u);
    EXPECT_EQ(config.devices[0].wanted.vendor, 0x04b8);
    EXPECT_EQ(config.devices[0].wanted.product, 3605);
    EXPECT_TRUE(config.devices[0].is_default);
    EXPECT_EQ(config.devices[1].address->text(), "192.168.1.50:9100");
    EXPECT_EQ(config.max_job_bytes, 1u << 20);
}

TEST(PrinterConfig, SaysWhichKeyIsWrong)
{
    EXPECT_NE(refused(R"({"devices":[{"alias":"x"}]})").find("devices[0]: names no printer"),
              std::string::npos);
    EXPECT_NE(refused(R"({"devices":[{"vendor_id":"zz"}]})").find("devices[0].vendor_id"), std::string::npos);
    EXPECT_NE(refused(R"({"devices":[{"address":"a b"}]})").find("devices[0].address"), std::string::npos);
    EXPECT_NE(refused(R"({"devices":[{"address":"a","serial":"b"}]})").find("Give one"), std::string::npos);
    EXPECT_NE(
        refused(R"({"devices":[{"address":"a","alias":"x"},{"address":"b","alias":"x"}]})").find("alias"),
        std::string::npos);
    EXPECT_NE(refused(R"({"devices":[{"address":"a","default":true},{"address":"b","default":true}]})")
                  .find("devices[1].default"),
              std::string::npos);
    EXPECT_NE(refused(R"({"allow_addresses":["10.0.0.1/8"]})").find("allow_addresses[0]"), std::string::npos);
    EXPECT_NE(refused(R"({"max_job_bytes":"lots"})").find("max_job_bytes"), std::string::npos);
}

TEST(PrinterOrder, ReadsThePrinterThatIsMeant)
{
    EXPECT_FALSE(read_target(Json::object()).target.anything());
    const Target usb =
        read_target(Json::parse(R"({"printer":{"vendorId":4070,"productId":"0x811e"}})")).target;
    EXPECT_EQ(usb.wanted.vendor, 4070);
    EXPECT_EQ(usb.wanted.product, 0x811e);
    EXPECT_EQ(read_target(Json::parse(R"({"printer":{"ip":"10.0.0.5","port":9101}})")).target.address->text(),
              "10.0.0.5:9101");
    EXPECT_EQ(read_target(Json::parse(R"({"printer":"Kitchen"})")).target.text, "Kitchen");
    EXPECT_EQ(read_target(Json::parse(R"({"printer":{"ip":"x y"}})")).problem.code, "INVALID_REQUEST");
    EXPECT_EQ(read_target(Json::parse(R"({"printer":{"colour":1}})")).problem.code, "INVALID_REQUEST");
}

TEST(PrinterOrder, PrintsBytesAsTheyAreAndTextInTheProfilesPages)
{
    const Profile profile = find_profile("default").value();
    const auto content = [&](const char* json) { return read_content(Json::parse(json), profile, 1'000); };
    EXPECT_EQ(content(R"({"data":"G0AA"})").bytes, (std::string{"\x1b@\0", 3}));
    EXPECT_NE(content(R"({"text":"Hello"})").bytes.find("Hello"), std::string::npos);
    EXPECT_NE(content(R"({"data":"Hello","encoding":"text"})").bytes.find("Hello"), std::string::npos);
    EXPECT_EQ(content(R"({"data":"%%"})").problem.code, "INVALID_REQUEST");
    EXPECT_EQ(content(R"({})").problem.code, "INVALID_REQUEST");
    EXPECT_EQ(content(R"({"data":"SGk=","charset":"klingon"})").problem.code, "CHARSET_UNSUPPORTED");
    EXPECT_EQ(read_content(Json{{"data", std::string(4'000, 'A')}}, profile, 1'000).problem.code,
              "TOO_LARGE");
}

TEST(PrinterOrder, CommitsAPictureByItsLastBytes)
{
    Profile profile = find_profile("default").value();
    profile.model.commit = Commit::raster;
    profile.model.commit_buffer = 1 << 20;
    Content content;
    content.bytes = "\x1b@Hello\n\n\n\x1dVB";
    content.bytes += '\0';
    const Content committed = with_commit(content, profile);
    EXPECT_GT(committed.commit_at, 0u);
    EXPECT_LE(committed.bytes.size() - committed.commit_at, 8u);
    // A drawer cannot be drawn.
    content.bytes += std::string{"\x1bp\0\x19\x19", 5};
    EXPECT_EQ(with_commit(content, profile).commit_at, 0u);
}

} // namespace
} // namespace agenthost::printer::service
