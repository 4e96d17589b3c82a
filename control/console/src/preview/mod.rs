//! What an order would do before anybody signs it: cells, persons, dates, clocks, and who would be locked out.
