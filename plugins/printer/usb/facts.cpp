#include "facts.hpp"

namespace agenthost::printer::usb {

namespace {

std::string hex4(unsigned value)
{
    static constexpr char digits[] = "0123456789abcdef";
    return {digits[value >> 12 & 15], digits[value >> 8 & 15], digits[value >> 4 & 15], digits[value & 15]};
}

} // namespace

std::string vendor_product(const Facts& facts) { return hex4(facts.vendor) + ":" + hex4(facts.product); }

std::string described(const Facts& facts)
{
    std::string out = "printer ";
    if (!facts.model.empty()) out += facts.model + " ";
    return out + "(" + vendor_product(facts) + ") at USB port " + facts.port;
}

} // namespace agenthost::printer::usb
