DROP TABLE runs;
DROP TABLE prompts;
DROP TABLE flow_bindings;
DROP TABLE stages;
DROP TABLE flows;
