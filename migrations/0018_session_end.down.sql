DROP TABLE session_ends;
