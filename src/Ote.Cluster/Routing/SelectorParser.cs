namespace Ote.Cluster.Routing;

/// <summary>Recursive descent over the grammar in docs/reference/selectors.md; single use.</summary>
internal sealed class SelectorParser(string text)
{
    /// <summary>Longest word: a prefixed key, '=' and a value; also bounds the work of one wildcard.</summary>
    private const int MaxWordLength = 400;

    private static readonly string[] TermStart = ["a cluster name", "a wildcard such as *edge*", "a tag term such as region=bj", "has(key)", "!key", "(", "*"];

    private int position;
    private int depth;

    public SelectorError? Error { get; private set; }

    public SelectorNode? Parse()
    {
        if (text.Length > ClusterSelector.MaxLength)
            return Fail(ClusterSelector.MaxLength, $"the selector has {text.Length} characters; at most {ClusterSelector.MaxLength} are allowed; select by tag instead of naming clusters");
        SkipSpace();
        if (position == text.Length) return Fail(0, "the selector is empty, which selects nothing; write * to select every cluster", TermStart);
        SelectorNode? node = ParseAlternatives();
        if (node is null) return null;
        return position == text.Length ? node : FailHere("'&'", "','");
    }

    private SelectorNode? ParseAlternatives()
    {
        List<SelectorNode> alternatives = [];
        do
        {
            List<SelectorNode> terms = [];
            do
            {
                SelectorNode? term = ParseTerm();
                if (term is null) return null;
                terms.Add(term);
            }
            while (Take('&'));
            alternatives.Add(AllOf.Create(terms));
        }
        while (Take(','));
        return AnyOf.Create(alternatives);
    }

    private SelectorNode? ParseTerm()
    {
        SkipSpace();
        int start = position;
        if (++depth > ClusterSelector.MaxDepth) return Fail(start, $"more than {ClusterSelector.MaxDepth} nested parentheses and '!'");
        SelectorNode? node;
        if (Take('!')) node = ParseNegation();
        else if (Take('(')) node = ParseGroup();
        else node = ParseWordTerm();
        depth--;
        return node;
    }

    private SelectorNode? ParseGroup()
    {
        SelectorNode? inner = ParseAlternatives();
        if (inner is null) return null;
        return Take(')') ? inner : FailHere("'&'", "','", "')'");
    }

    private SelectorNode? ParseNegation()
    {
        SkipSpace();
        int start = position;
        string word = PeekWord();
        if (word.Length == 0 || Glob.IsPattern(word) || IsHas(word))
        {
            SelectorNode? inner = ParseTerm();
            return inner switch { null => null, NotTerm twice => twice.Inner, _ => new NotTerm(inner) };
        }

        // '!gpu' is about the tag; a name is excluded with '!(c1)'.
        if (!ReadWord(out word)) return null;
        if (Tag.CheckKey(word) is { } error) return Fail(start, $"'{word}' is not a tag key: {error}");
        SkipSpace();
        if (Peek() is '=' or '!') return Fail(position, $"'!{word}' ends the term; to exclude a value write {word}!=value");
        return new NotTerm(new HasTag(word));
    }

    private SelectorNode? ParseWordTerm()
    {
        int start = position;
        if (!ReadWord(out string word)) return null;
        if (IsHasCall(word)) return ParseHas();
        SkipSpace();
        if (Peek() == '!' && PeekAt(1) == '=')
        {
            position += 2;
            return Negate(ParseValues(start, word, list: false));
        }

        if (Take('=')) return ParseValues(start, word, list: false);
        int afterWord = position;
        string next = PeekWord();
        if (next is "in" or "notin")
        {
            position += next.Length;
            if (!Take('(')) return FailHere("'('");
            TagValueIn? values = ParseValues(start, word, list: true);
            return next == "in" ? values : Negate(values);
        }

        position = afterWord;
        if (next.Length > 0) return FailHere("'&'", "','", "'='", "'!='", "'in'", "'notin'");
        return NameOrGlob(start, word);
    }

    private SelectorNode? NameOrGlob(int start, string word)
    {
        if (word.AsSpan().IndexOfAnyExcept('*') < 0) return new EveryCluster();
        if (Glob.IsPattern(word)) return new GlobTerm(word);
        return ClusterName.Check(word) is { } error
            ? Fail(start, $"{error}; if '{word}' is a tag, write has({word})")
            : new NameTerm([word]);
    }

    private HasTag? ParseHas()
    {
        Take('(');
        SkipSpace();
        int start = position;
        if (!ReadWord(out string key, "a tag key")) return null;
        if (Tag.CheckKey(key) is { } error) return Fail<HasTag>(start, $"'{key}' is not a tag key: {error}");
        return Take(')') ? new HasTag(key) : FailHere<HasTag>("')'");
    }

    private TagValueIn? ParseValues(int keyStart, string key, bool list)
    {
        if (Tag.CheckKey(key) is { } keyError)
        {
            return Fail<TagValueIn>(keyStart, Glob.IsPattern(key)
                ? $"a tag key cannot have wildcards; a value can: key=*; a wildcard over whole tags is one word without '=' signs: *bj*"
                : $"'{key}' is not a tag key: {keyError}");
        }

        List<string> values = [];
        do
        {
            SkipSpace();
            int start = position;
            if (!ReadWord(out string value, "a value")) return null;
            if (!Glob.IsPattern(value) && Tag.CheckValue(value) is { } error) return Fail<TagValueIn>(start, $"'{value}' is not a tag value: {error}");
            values.Add(value);
        }
        while (list && Take(','));
        return !list || Take(')') ? new TagValueIn(key, values) : FailHere<TagValueIn>("','", "')'");
    }

    private static NotTerm? Negate(TagValueIn? node) => node is null ? null : new NotTerm(node);

    private bool IsHas(string word)
    {
        if (word != "has") return false;
        int at = position;
        position += word.Length;
        bool call = IsHasCall(word);
        position = at;
        return call;
    }

    private bool IsHasCall(string word)
    {
        if (word != "has") return false;
        SkipSpace();
        return Peek() == '(';
    }

    private bool ReadWord(out string word, params string[] expected)
    {
        word = PeekWord();
        if (word.Length == 0)
        {
            FailHere(expected.Length > 0 ? expected : TermStart);
            return false;
        }

        if (word.Length > MaxWordLength)
        {
            Fail(position, $"a word of {word.Length} characters; names and tags are shorter");
            return false;
        }

        position += word.Length;
        return true;
    }

    private string PeekWord()
    {
        int end = position;
        while (end < text.Length && IsWordCharacter(text[end])) end++;
        return text[position..end];
    }

    private static bool IsWordCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or '*' or '?';

    private bool Take(char c)
    {
        SkipSpace();
        if (Peek() != c) return false;
        position++;
        return true;
    }

    private char Peek() => PeekAt(0);

    private char PeekAt(int ahead) => position + ahead < text.Length ? text[position + ahead] : '\0';

    private void SkipSpace()
    {
        while (position < text.Length && text[position] is ' ' or '\t' or '\n' or '\r') position++;
    }

    private SelectorNode? FailHere(params string[] expected) => FailHere<SelectorNode>(expected);

    private T? FailHere<T>(params string[] expected)
        where T : SelectorNode
    {
        SkipSpace();
        string wanted = "expected " + string.Join(" or ", expected);
        if (position >= text.Length) return Fail<T>(text.Length, $"{wanted}, but the selector ends here", expected);
        char c = text[position];
        string found = char.IsControl(c) || char.IsSurrogate(c) ? $"character U+{(int)c:X4}" : $"'{c}'";
        string advice = @"^$[]{}+\|".Contains(c, StringComparison.Ordinal) ? "; regular expressions are not used, the wildcards are * and ?" : "";
        return Fail<T>(position, $"{wanted}, found {found}{advice}", expected);
    }

    private SelectorNode? Fail(int at, string message, params string[] expected) => Fail<SelectorNode>(at, message, expected);

    private T? Fail<T>(int at, string message, params string[] expected)
        where T : SelectorNode
    {
        Error ??= new SelectorError(at, message, expected);
        return null;
    }
}
