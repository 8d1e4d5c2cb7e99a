DROP FUNCTION locked_out(integer, text);
ALTER INDEX locks_target_idx RESET (fastupdate);
