TABLE expenses WRITE BY "user"
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    amount DECIMAL(10, 2) NOT NULL,
    currency VARCHAR(3) DEFAULT 'EUR',
    what TEXT,
    spent DATE DEFAULT NOW(),
    approved BOOLEAN DEFAULT false,
    note TEXT READ BY "controller"
END TABLE
