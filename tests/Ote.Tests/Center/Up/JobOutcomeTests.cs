using System.Text.Json.Nodes;
using Ote.Center.Up;

namespace Ote.Tests.Center.Up;

public sealed class JobOutcomeTests
{
    [Theory]
    [InlineData("""{"cluster":"a","code":403,"body":"{\"kind\":\"Status\",\"message\":\"not in this shop\"}"}""", "a: 403 not in this shop")]
    [InlineData("""{"cluster":"a","code":502,"body":"<html>"}""", "a: 502 <html>")]
    [InlineData("""{"cluster":"a","code":500,"body":"{\"kind\":\"Status\"}"}""", """a: 500 {"kind":"Status"}""")]
    [InlineData("""{"cluster":"a","code":0,"error":"Unreachable","text":"nobody there"}""", "a: 0 Unreachable: nobody there")]
    [InlineData("""{"cluster":"a","code":500}""", "a: 500")]
    public void A_failure_is_told_in_the_words_of_who_refused(string result, string expected) =>
        Assert.Equal(expected, JobOutcome.Failure(JsonNode.Parse(result)!.AsObject()));
}
