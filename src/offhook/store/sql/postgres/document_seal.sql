UPDATE resource SET document = :sealed
WHERE kind = :kind AND id = :id AND document = :document
