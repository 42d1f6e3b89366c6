namespace KlosetOperator.Schedules;

/// <summary>A schedule that cannot be understood, or never comes true. The message is for the person who wrote it.</summary>
internal sealed class InvalidScheduleException(string message) : Exception(message);
