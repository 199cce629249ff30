namespace Holdfast.Http;

/// <summary>Checks a body's fields and gathers what is wrong, so that a caller hears it all at once.</summary>
public sealed class Fields
{
    private readonly List<ApiError.FieldFault> _faults = [];

    /// <summary>Null while nothing is wrong.</summary>
    public ApiAnswer? Refusal => _faults.Count == 0 ? null : ApiError.Validation(_faults);

    public void Fault(string field, string code) => _faults.Add(new(field, code));

    /// <summary>Text that must be there: not blank, no control characters, not too long.</summary>
    public string Required(string field, Given<string> value, int maxLength = 1024)
    {
        if (!value.Is || string.IsNullOrWhiteSpace(value.Value))
        {
            Fault(field, "required");
            return "";
        }
        return Text(field, value.Value, maxLength);
    }

    /// <summary>Text that may be there.</summary>
    public string? Optional(string field, Given<string> value, int maxLength = 1024) => value is { Is: true, Value: { } text } ? Text(field, text, maxLength) : null;

    /// <summary>Text within bounds, that every database keeps as it is (PostgreSQL has no U+0000, UTF-8 no lone surrogate, XML no U+FFFE and U+FFFF).</summary>
    public string Text(string field, string text, int maxLength = 1024)
    {
        if (text.Length > maxLength)
        {
            Fault(field, "too_long");
        }
        else if (text.Any(c => char.IsControl(c) || c is '\ufffe' or '\uffff') || !IsWellFormed(text))
        {
            Fault(field, "invalid_characters");
        }
        return text;
    }

    private static bool IsWellFormed(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]) && !(i + 1 < text.Length && char.IsSurrogatePair(text[i], text[++i])))
            {
                return false;
            }
        }
        return true;
    }
}
