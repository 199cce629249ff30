-- Events are listed in the order of the change log (decision 0021), and by nothing else.
DROP INDEX events_by_environment;
DROP INDEX events_by_organization;
