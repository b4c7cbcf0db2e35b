set(libs agenthost_printer_usb)
