DROP TABLE consents;
DROP TABLE invitations;
