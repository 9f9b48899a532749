// GraphiQL against this server: queries over HTTP, subscriptions over graphql-transport-ws, both with the API token
// that is typed above. The token is kept for this tab only.

"use strict";

(() => {
  const KEPT_AS = "botserver.graphiql.token";
  const FIRST_QUERY = `# What the bots of this organisation are, and how far the read models stand.
# Open the documentation on the left to see what else can be asked.

query Bots {
  bots(first: 10) {
    totalCount
    edges { node { id name state } }
  }
}

# Press Execute and choose: this one goes on until it is stopped.
subscription Lag {
  projectionsMoved {
    head
    items { name lagEvents failure { error } }
  }
}
`;

  const entry = document.getElementById("entry");
  const field = document.getElementById("token");
  const forget = document.getElementById("forget");
  const told = document.getElementById("told");
  const place = document.getElementById("graphiql");

  let root;
  let socket;

  function tell(text, wrong = false) {
    told.textContent = text;
    told.classList.toggle("wrong", wrong);
  }

  /** Asks the smallest question there is; null when the token is accepted, else what is wrong. */
  async function refusal(token) {
    let answer;
    try {
      answer = await fetch("/graphql", {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: "{ __typename }" }),
      });
    } catch {
      return "The server cannot be reached.";
    }
    if (answer.ok) return null;
    if (answer.status === 401) return "This token is not accepted. It may have expired or been revoked.";
    if (answer.status === 429) return "Too many tokens were tried. Wait a minute.";
    return `The server answered ${answer.status}.`;
  }

  async function use(token) {
    tell("Looking whether the token is accepted…");
    let wrong = "A token has only letters, digits and punctuation.";
    if (/^[\x21-\x7e]+$/.test(token)) wrong = await refusal(token);
    if (wrong) {
      sessionStorage.removeItem(KEPT_AS);
      tell(wrong, true);
      field.focus();
      return;
    }
    sessionStorage.setItem(KEPT_AS, token);
    field.value = "";
    forget.hidden = false;
    tell("The token is accepted.");
    show(token);
  }

  function show(token) {
    hide();
    const { protocol, host } = location;
    socket = graphqlWs.createClient({
      url: `${protocol === "https:" ? "wss" : "ws"}://${host}/graphql`,
      connectionParams: { Authorization: `Bearer ${token}` },
    });
    const fetcher = GraphiQL.createFetcher({
      url: "/graphql",
      headers: { authorization: `Bearer ${token}` },
      wsClient: socket,
    });
    root = ReactDOM.createRoot(place);
    root.render(
      React.createElement(GraphiQL, {
        fetcher,
        defaultQuery: FIRST_QUERY,
        isHeadersEditorEnabled: false,
        shouldPersistHeaders: false,
      }),
    );
  }

  function hide() {
    root?.unmount();
    socket?.dispose();
    root = socket = undefined;
  }

  entry.addEventListener("submit", (event) => {
    event.preventDefault();
    use(field.value.trim());
  });

  forget.addEventListener("click", () => {
    hide();
    sessionStorage.removeItem(KEPT_AS);
    forget.hidden = true;
    tell("The token is forgotten.");
    field.focus();
  });

  const kept = sessionStorage.getItem(KEPT_AS);
  if (kept) use(kept);
  else field.focus();
})();
