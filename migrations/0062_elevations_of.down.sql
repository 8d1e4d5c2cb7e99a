DROP FUNCTION elevations_of(uuid);
