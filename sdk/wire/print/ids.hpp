// USB vendor and product ids: print's document writes them as hex integers, which are not JSON. We write
// decimal numbers and read strings such as "0x0fe6" as well.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::wire {

// Returns the valid `json` with every string such as "0x0fe6" of a vendorId or productId (vendor_id,
// product_id), at any depth, replaced by a decimal number. Returns `json` itself if it contains no
// such string, else a view into `memory`, which is never longer than `json`.
std::string_view with_decimal_ids(std::string_view json, std::string& memory);

} // namespace agenthost::wire
