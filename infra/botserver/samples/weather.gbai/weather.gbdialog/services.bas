DESCRIPTION "The same by other protocols"
PARAM city AS STRING LIKE "Porto" DESCRIPTION "The town"
CLEAR HEADERS
a = GRAPHQL "https://api.example.org/graphql", "query ($c: String!) { weather(city: $c) { now } }", { c: city }
b = SOAP "https://api.example.org/weather?wsdl", "GetWeather", { city: city }
c = SCRAPE "https://weather.example.org/" + city, ".now"
d = RSS "https://weather.example.org/feed.xml", 3
e = PUT "https://api.example.org/visits/" + city, { at: NOW() }
DELETE HTTP "https://api.example.org/visits/old"
results = FILTER([a, b, c, d, e], "error IS NULL")
RETURN results
