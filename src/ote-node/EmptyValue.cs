using System.CommandLine;
using System.CommandLine.Parsing;
using Ote.Roles.Hosting;

namespace Ote.Node;

/// <summary>An empty value is a variable that is not set, as a rule: what is meant is not known.</summary>
internal static class EmptyValue
{
    /// <summary>Sees whether an option was given one.</summary>
    /// <exception cref="RoleException">One was.</exception>
    public static void Refuse(ParseResult parsed)
    {
        if (parsed.CommandResult.Children.OfType<OptionResult>().FirstOrDefault(given => given.Tokens.Any(token => token.Value.Length == 0)) is { } empty)
        {
            throw new RoleException($"{empty.Option.Name}: its value is empty, as of a variable that is not set; give one, or leave the option out");
        }
    }
}
