' Puts the first books on the shelves; a second time it changes nothing.
books = [
    { isbn: "9780141439518", title: "Pride and Prejudice", author: "Jane Austen", shelf: "A", copies: 3 },
    { isbn: "9780140449136", title: "Crime and Punishment", author: "Fyodor Dostoevsky", shelf: "D", copies: 2 },
    { isbn: "9780486282114", title: "Frankenstein", author: "Mary Shelley", shelf: "S", copies: 4 },
    { isbn: "9780142437179", title: "Adventures of Huckleberry Finn", author: "Mark Twain", shelf: "T", copies: 1 }
]
result = MERGE "books", books, "isbn"
RETURN result
