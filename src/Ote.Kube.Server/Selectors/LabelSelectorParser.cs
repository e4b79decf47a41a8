using System.Globalization;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Selectors;

/// <summary>Recursive descent over the text form of a label selector.</summary>
internal ref struct LabelSelectorParser(string text)
{
    /// <summary>More requirements than any real query has; bounds the work a query may cause.</summary>
    private const int MaxRequirements = 1000;

    private readonly string _text = text;
    private int _at;

    public List<LabelRequirement> Parse()
    {
        List<LabelRequirement> requirements = [];
        while (true)
        {
            requirements.Add(Requirement());
            if (requirements.Count > MaxRequirements)
                throw Error($"more than {MaxRequirements} requirements");
            SkipSpace();
            if (_at == _text.Length)
                return requirements;
            if (_text[_at] != ',')
                throw Error($"found '{Rest()}', expected: ',' or end of selector");
            _at++;
        }
    }

    private LabelRequirement Requirement()
    {
        SkipSpace();
        if (_at < _text.Length && _text[_at] == '!')
        {
            _at++;
            return new LabelRequirement(Key(), LabelOperator.DoesNotExist, []);
        }
        string key = Key();
        SkipSpace();
        if (_at == _text.Length || _text[_at] == ',')
            return new LabelRequirement(key, LabelOperator.Exists, []);
        if (Take("==") || Take("="))
            return new LabelRequirement(key, LabelOperator.In, [Value()]);
        if (Take("!="))
            return new LabelRequirement(key, LabelOperator.NotIn, [Value()]);
        if (Take(">"))
            return new LabelRequirement(key, LabelOperator.GreaterThan, [Number()]);
        if (Take("<"))
            return new LabelRequirement(key, LabelOperator.LessThan, [Number()]);
        int start = _at;
        string word = Word();
        if (word is "in" or "notin")
            return new LabelRequirement(key, word == "in" ? LabelOperator.In : LabelOperator.NotIn, Set());
        _at = start;
        throw Error($"found '{Rest()}', expected: in, notin, =, ==, !=, >, <");
    }

    private List<string> Set()
    {
        SkipSpace();
        if (!Take("("))
            throw Error($"found '{Rest()}' expected: '('");
        List<string> values = [];
        while (true)
        {
            values.Add(Value());
            SkipSpace();
            if (Take(")"))
                return [.. values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
            if (!Take(","))
                throw Error($"found '{Rest()}', expected: ',' or ')'");
        }
    }

    private string Key()
    {
        SkipSpace();
        int start = _at;
        string key = Word();
        if (key.Length == 0)
            throw Error($"found '{Rest()}', expected: identifier");
        string? wrong = NameRules.QualifiedName(key).FirstOrDefault();
        return wrong is null ? key : throw new SelectorException($"unable to parse requirement: <nil>: Invalid value: \"{key}\": {wrong}", start);
    }

    private string Value()
    {
        SkipSpace();
        int start = _at;
        string value = Word();
        string? wrong = NameRules.LabelValue(value).FirstOrDefault();
        return wrong is null ? value : throw new SelectorException($"unable to parse requirement: values[0][]: Invalid value: \"{value}\": {wrong}", start);
    }

    private string Number()
    {
        int start = _at;
        string value = Value();
        return long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
            ? value : throw new SelectorException($"unable to parse requirement: values[0][]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer", start);
    }

    /// <summary>Everything up to the next space or symbol.</summary>
    private string Word()
    {
        int start = _at;
        while (_at < _text.Length && !char.IsWhiteSpace(_text[_at]) && !"=!(),><".Contains(_text[_at], StringComparison.Ordinal))
            _at++;
        return _text[start.._at];
    }

    private bool Take(string symbol)
    {
        if (string.CompareOrdinal(_text, _at, symbol, 0, symbol.Length) != 0)
            return false;
        _at += symbol.Length;
        return true;
    }

    private void SkipSpace()
    {
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at]))
            _at++;
    }

    private readonly string Rest()
    {
        string rest = _text[_at..];
        return rest.Length > 40 ? rest[..40] : rest;
    }

    private readonly SelectorException Error(string what) => new($"unable to parse requirement: {what}", _at);
}
