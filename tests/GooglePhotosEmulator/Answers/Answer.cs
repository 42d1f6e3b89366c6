namespace GooglePhotosEmulator.Answers;

/// <summary>What a request is answered with, whether by the emulator's own rules or by a script.</summary>
/// <param name="Status">HTTP status code.</param>
public sealed record Answer(int Status, string Body)
{
    public string ContentType { get; init; } = "application/json; charset=UTF-8";

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();
}

/// <summary>Ends the handling of a request with an answer of its own.</summary>
internal sealed class AnswerException(Answer answer) : Exception(answer.Body)
{
    public Answer Answer { get; } = answer;
}
