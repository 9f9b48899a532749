// The words of the desk, in every language of the page.

export const TEXTS = {
  en: {
    switchers: "Ways to answer",
    leaveContext: "Leave the topic {name}",
    waitingForHuman: "A person will answer. You can write on meanwhile.",
    waitingForNamed: "{name} will answer. You can write on meanwhile.",
    withHuman: "You are talking with a person.",
    withNamed: "You are talking with {name}.",
    controlPaused: "The bot is paused here. What you write is kept.",
    backToBot: "The bot answers again.",
  },
  pt: {
    switchers: "Formas de responder",
    leaveContext: "Sair do assunto {name}",
    waitingForHuman: "Uma pessoa vai responder. Você pode continuar escrevendo.",
    waitingForNamed: "{name} vai responder. Você pode continuar escrevendo.",
    withHuman: "Você está falando com uma pessoa.",
    withNamed: "Você está falando com {name}.",
    controlPaused: "O bot está em pausa aqui. O que você escrever fica guardado.",
    backToBot: "O bot responde novamente.",
  },
};
