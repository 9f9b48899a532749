ON EVENT "laptop_wanted" DO
    id = CREATE TASK "Laptop", "For " + trigger_data.person, "it", DATEADD(TODAY, 5, "days"), "normal"
    PRINT "task " + id
END ON
